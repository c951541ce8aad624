"""300 publications through lost answers, errors, time-outs, replays and kills: `python -m tests.vod.storm`."""
