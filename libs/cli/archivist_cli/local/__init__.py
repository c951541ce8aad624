"""The servers and services of one machine, as child processes of ours."""
