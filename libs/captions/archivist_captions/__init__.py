"""Captions as plain data: words with times in, files a station can put on air out.

Standard library only. Times are integer milliseconds; frames live inside SCC alone.

    words --layout--> cues --formats--> files        layout, tokens, rows, grammar, profile, masking
    file --formats--> captions --convert--> file     formats, convert
    cues --cea608.encoder--> SCC                     screens, loads, popon or rollup, options
    SCC --cea608.decoder--> screens                  scc, memory
    SCC --cea608.verifier--> findings                verify: by rule and line; compare: may it be released?
    report, page, preview, schema                    what a file is worth, for programs and for people
    trials, countdown                                measuring this library; measuring a station
"""
