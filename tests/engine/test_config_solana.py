"""Solana's conventions: its own file as a fall-back, names of clusters, -u and -k."""

from __future__ import annotations

from pathlib import Path

import pytest

from engine.config import Given, resolve
from engine.config.loading import WALLET_KEY
from engine.config.solana import solana_config
from engine.domain.errors import ConfigError
from tests.engine.config_given import given, solana_says, written

HEADLESS = """\
---
json_rpc_url: "https://rpc.example.com/?token=abc"
websocket_url: 'wss://rpc.example.com/ws'   # for it
keypair_path: /keys/id.json
address_labels:
  "11111111111111111111111111111111": System Program
  json_rpc_url: https://labels.example.com
commitment: finalized
"""


def refused(what: Given) -> str:
    """Return what is said against *what*."""
    with pytest.raises(ConfigError) as error:
        resolve(what)
    return str(error.value)


def test_what_nothing_else_sets_is_taken_from_solana(tmp_path: Path) -> None:
    """Node, websocket and key file, with the line that each stands on; the rest of the file is nobody's business."""
    file = solana_says(tmp_path, HEADLESS)
    loaded = resolve(given(tmp_path, profile="paper"))
    chain = loaded.settings.chain
    assert [url.reveal() for url in chain.rpc_urls] == ["https://rpc.example.com/?token=abc"]
    assert chain.ws_url is not None
    assert chain.ws_url.reveal() == "wss://rpc.example.com/ws"
    assert loaded.settings.wallet.keypair == "/keys/id.json"
    assert str(loaded.source(("chain", "rpc_urls"))) == f"{file}:2"
    assert str(loaded.source(("wallet", "keypair"))) == f"{file}:4"


@pytest.mark.parametrize("where", ["file", "environment", "option"])
def test_any_other_source_goes_before_solana(tmp_path: Path, where: str) -> None:
    """Its websocket is not kept for a node that it does not belong to."""
    solana_says(tmp_path, HEADLESS)
    if where == "file":
        written(tmp_path / "ripcord.toml", "[chain]\nrpc_urls = ['https://own.example.com']\n")
    environ = {"RIPCORD__CHAIN__RPC_URLS": "['https://own.example.com']"} if where == "environment" else {}
    url = "https://own.example.com" if where == "option" else None
    chain = resolve(given(tmp_path, environ, profile="paper", url=url)).settings.chain
    assert [url.reveal() for url in chain.rpc_urls] == ["https://own.example.com"]
    assert chain.ws_url is None


@pytest.mark.parametrize(("profile", "node"), [("devnet", "devnet"), ("paper", "mainnet-beta")])
def test_a_public_node_of_another_cluster_is_passed_over(tmp_path: Path, profile: str, node: str) -> None:
    """Who keeps Solana's command line on one cluster can run Ripcord on another."""
    other = {"devnet": "mainnet-beta", "paper": "testnet"}[profile]
    solana_says(tmp_path, f"json_rpc_url: https://api.{other}.solana.com\nwebsocket_url: wss://x.example.com\n")
    chain = resolve(given(tmp_path, profile=profile)).settings.chain
    assert [str(url) for url in chain.rpc_urls] == [f"https://api.{node}.solana.com"]
    assert chain.ws_url is None


def test_the_demo_asks_nothing_of_solana(tmp_path: Path) -> None:
    """It brings its own cluster: even a broken file is no fault."""
    solana_says(tmp_path, "json_rpc_url: [1\n")
    assert resolve(given(tmp_path)).settings.chain.rpc_urls == ()


def test_the_key_in_the_environment_goes_before_solanas_key_file(tmp_path: Path) -> None:
    """The variable was set for Ripcord; the key file was not. A file that was named for Ripcord goes before both."""
    solana_says(tmp_path, HEADLESS)
    environ = {WALLET_KEY: "5J..."}
    assert resolve(given(tmp_path, environ, profile="paper")).settings.wallet.keypair == "env"
    named = resolve(given(tmp_path, environ, profile="paper", keypair="own.json"))
    assert (named.settings.wallet.keypair, str(named.source(("wallet", "keypair")))) == ("own.json", "--keypair")


@pytest.mark.parametrize("signer", ["usb://ledger?key=0", "prompt://", "stdin:", "ASK", "-", "''", "~", "null"])
def test_a_signer_that_is_no_file_is_passed_over(tmp_path: Path, signer: str) -> None:
    """A hardware wallet or a prompt cannot sign by itself."""
    solana_says(tmp_path, f"keypair_path: {signer}\n")
    assert resolve(given(tmp_path, profile="devnet")).settings.wallet.keypair == "env"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("keypair_path: /a b/id.json", "/a b/id.json"),
        ("keypair_path: /a#b/id.json  # mine", "/a#b/id.json"),
        (r'keypair_path: "/a \"b\"/id.json" # mine', '/a "b"/id.json'),
        ("keypair_path: '/it''s/id.json'", "/it's/id.json"),
        ("keypair_path: /a/id.json\r", "/a/id.json"),
    ],
)
def test_values_are_read_as_yaml_has_them(tmp_path: Path, text: str, value: str) -> None:
    """Plain, and in either kind of quotes, with comments."""
    solana_says(tmp_path, text)
    (entry,) = solana_config(tmp_path / "home").entries
    assert entry.value == value


@pytest.mark.parametrize("value", ["|", "[a, b]", "{a: b}", "&x y", '"open', "'open", '"a" b', "*x", "!!str a"])
def test_a_form_that_is_not_read_is_a_fault_and_not_a_guess(tmp_path: Path, value: str) -> None:
    """The line is named, and what to write instead."""
    file = solana_says(tmp_path, f"commitment: confirmed\njson_rpc_url: {value}\n")
    assert refused(given(tmp_path, profile="paper")) == (
        f"{file}:2: json_rpc_url is not written as `key: value`: write it so, on one line"
    )


def test_a_file_of_solana_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A folder in its place, or bytes that are no text."""
    file = solana_says(tmp_path, "")
    file.write_bytes(b"\xff\xfe")
    assert refused(given(tmp_path, profile="paper")).startswith(f"{file} is not text: ")
    file.unlink()
    file.mkdir()
    assert refused(given(tmp_path, profile="paper")) == f"{file} cannot be read: Is a directory"


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("mainnet-beta", "https://api.mainnet-beta.solana.com"),
        ("m", "https://api.mainnet-beta.solana.com"),
        ("testnet", "https://api.testnet.solana.com"),
        ("t", "https://api.testnet.solana.com"),
        ("devnet", "https://api.devnet.solana.com"),
        ("d", "https://api.devnet.solana.com"),
        ("localhost", "http://localhost:8899"),
        ("l", "http://localhost:8899"),
        ("https://own.example.com:8899/path", "https://own.example.com:8899/path"),
    ],
)
def test_a_node_may_be_named_as_for_solanas_command_line(tmp_path: Path, name: str, address: str) -> None:
    """By address, by name of the cluster, or by its first letter."""
    (url,) = resolve(given(tmp_path, url=name)).settings.chain.rpc_urls
    assert url.reveal() == address


def test_a_node_of_the_command_line_drops_the_websocket_of_a_file(tmp_path: Path) -> None:
    """It belongs to another node."""
    written(tmp_path / "ripcord.toml", "[chain]\nrpc_urls = ['d']\nws_url = 'wss://old.example.com'\n")
    assert resolve(given(tmp_path)).settings.chain.ws_url is not None
    assert resolve(given(tmp_path, url="l")).settings.chain.ws_url is None


def test_a_public_node_that_is_not_the_profiles_is_refused(tmp_path: Path) -> None:
    """Where a person named it: the wrong cluster is seen before anything is asked."""
    assert refused(given(tmp_path, url="m", profile="devnet")) == (
        "--url: chain.rpc_urls: https://api.mainnet-beta.solana.com is of mainnet-beta, and the profile devnet is for "
        "devnet"
    )
