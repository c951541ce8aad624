"""Captions as plain data: words with times in, files a station can put on air out.

Standard library only. Times are integer milliseconds; frames live inside SCC alone.
"""
