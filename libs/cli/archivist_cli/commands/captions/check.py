"""`archivist captions check FILE.scc`: what is wrong with an SCC file, by rule and line."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from archivist_captions.cea608.verifier import RULES, Finding
from archivist_cli.commands.captions.reading import scc_of
from archivist_common.errors import ArchivistError

CLEAN, FINDINGS, UNREADABLE = 0, 1, 2
_MOST_TOLD = 200  # findings


def add_to(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = actions.add_parser(
        "check",
        help="what is wrong with an SCC file",
        description="Decode an SCC file one word a frame and name every broken rule. "
        "Exit 0: clean; 1: there are findings; 2: not readable.",
    )
    parser.add_argument("file", type=Path, metavar="FILE.scc")
    parser.add_argument("--json", action="store_true", help="findings as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    try:
        _, played = scc_of(options.file)
    except ArchivistError as exc:
        if options.json:
            print(json.dumps({"file": str(options.file), "readable": False, "error": str(exc)}))
        print(f"archivist: {exc}", file=sys.stderr)
        return UNREADABLE
    findings = played.findings
    errors = sum(finding.severity == "error" for finding in findings)
    if options.json:
        print(
            json.dumps(
                {
                    "file": str(options.file),
                    "readable": True,
                    "screens": len(played.screens),
                    "words": len(played.sent),
                    "findings": [{**asdict(finding), "severity": finding.severity} for finding in findings],
                },
                indent=1,
            )
        )
    else:
        for finding in findings[:_MOST_TOLD]:
            print(_line(options.file, finding))
        if len(findings) > _MOST_TOLD:
            print(f"… and {len(findings) - _MOST_TOLD} more; --json has all")
        told = "clean" if not findings else f"{errors} errors, {len(findings) - errors} warnings"
        print(f"{options.file}: {len(played.screens)} screens, {told}")
    return FINDINGS if findings else CLEAN


def _line(file: Path, finding: Finding) -> str:
    line = f":{finding.line}" if finding.line else ""
    return f"{file}{line}: {finding.severity}: {finding.rule}: {finding.message} ({RULES[finding.rule][1]})"
