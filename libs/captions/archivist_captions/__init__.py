"""Captions as plain data: words with times in, files a station can put on air out.

Standard library only. Times are integer milliseconds; frames live inside SCC alone.

    words --layout--> cues --formats--> files        layout, profiles
    file --formats--> captions --convert--> file     formats, convert
    cues --cea608.encoder--> SCC                     screens, caption_load, popon or rollup, options
    SCC --cea608.decoder--> screens                  scc, memory
    SCC --cea608.verifier--> findings                verify: by rule and line; compare: may it be released?
    report                                           what a file is worth, for programs and for readers
    countdown                                        measuring a station
    evaluation                                       word error rate
"""
