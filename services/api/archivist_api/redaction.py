"""Redaction of sentences that leave this machine: folders of the settings are replaced by names."""

from collections.abc import Callable

from archivist_common.settings import ApiSettings

Redact = Callable[[str], str]
"""A sentence without paths of this machine."""


def redactor(settings: ApiSettings) -> Redact:
    """A function that puts a name in the place of each folder the settings know, the deepest first."""
    roots = {str(server.path): server.name for server in settings.flex_servers}
    roots[str(settings.default_output_path)] = "output folder"
    if settings.output_fallback_path is not None:
        roots[str(settings.output_fallback_path)] = "output fallback"
    roots[str(settings.model_directory)] = "model folder"
    if settings.whisper_model_path is not None:
        roots[str(settings.whisper_model_path)] = "speech model"
    deepest_first = sorted(roots.items(), key=lambda root: -len(root[0]))

    def redact(sentence: str) -> str:
        for path, name in deepest_first:
            if path != "/":
                sentence = sentence.replace(path, f"[{name}]")
        return sentence

    return redact
