"""What Solana's own command line is set to: a fall-back for the node and the key file.

The file is YAML as `solana config set` writes it: a flat list of `key: value`. Only that form is read.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

from engine.config.sources import Entry, Kind, Layer, Source

_WANTED = {
    "json_rpc_url": ("chain", "rpc_urls"),
    "websocket_url": ("chain", "ws_url"),
    "keypair_path": ("wallet", "keypair"),
}
_LINE = re.compile(r"([A-Za-z_]\w*)\s*:(?:\s+(.*?))?\s*")
_COMMENT = re.compile(r"(^|\s)#.*$")
_OTHER_FORMS = "|>&*!{[%@`"


def solana_config(home: Path) -> Layer:
    """Return what the command line's file below *home* sets; nothing where there is no file.

    A `keypair_path` that is no path (a hardware wallet, a prompt) is left out: Ripcord signs with a key file alone.
    So is `commitment`: a verdict counts at `confirmed`.
    """
    path = home / ".config" / "solana" / "cli" / "config.yml"
    try:
        text = path.read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return Layer()
    except OSError as error:
        return Layer(faults=(f"{path} cannot be read: {error.strerror}",))
    except UnicodeDecodeError as error:
        return Layer(faults=(f"{path} is not text: {error.reason}",))
    entries: list[Entry] = []
    faults: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        match = _LINE.fullmatch(line)
        if match is None or match[1] not in _WANTED:
            continue
        try:
            value = _scalar(match[2] or "")
        except ValueError:
            faults.append(f"{path}:{number}: {match[1]} is not written as `key: value`: write it so, on one line")
            continue
        if value and not (match[1] == "keypair_path" and _is_no_path(value)):
            source = Source(Kind.SOLANA, f"{path}:{number}")
            entries.append(
                Entry(path=_WANTED[match[1]], value=(value,) if match[1] == "json_rpc_url" else value, source=source)
            )
    return Layer(tuple(entries), tuple(faults))


def fall_back(layer: Layer, *, taken: Mapping[tuple[str, ...], object], key_in_environment: bool) -> Layer:
    """Return of *layer* what nothing else sets. The websocket goes with the node that it belongs to."""
    rpc, websocket, keypair = _WANTED.values()
    dropped = {path for path in _WANTED.values() if path in taken}
    if rpc in taken:
        dropped.add(websocket)
    if key_in_environment:
        dropped.add(keypair)
    return Layer(tuple(entry for entry in layer.entries if entry.path not in dropped), layer.faults)


def _scalar(text: str) -> str:
    """Return a YAML scalar on one line.

    Raises:
        ValueError: it has another form.
    """
    if text.startswith('"'):
        value, end = json.JSONDecoder().raw_decode(text)
        rest = text[end:]
    elif text.startswith("'"):
        quoted = re.match(r"'((?:[^']|'')*)'", text)
        if quoted is None:
            raise ValueError("the quote does not end")
        value, rest = quoted[1].replace("''", "'"), text[quoted.end() :]
    else:
        value, rest = _COMMENT.sub("", text).strip(), ""
        if value in ("~", "null"):
            value = ""
        if value and value[0] in _OTHER_FORMS:
            raise ValueError("not a plain value")
    if _COMMENT.sub("", rest).strip():
        raise ValueError("more than one value")
    return str(value)


def _is_no_path(value: str) -> bool:
    """Tell whether *value* is another of Solana's ways to name a signer: usb://ledger, prompt:, stdin: or ASK."""
    return bool(re.match(r"(usb|prompt|stdin|file):", value)) or value in ("ASK", "-")
