"""What the Dockerfile promises, as far as it can be read; building it needs a registry."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[3]
LINES = [line for line in (ROOT / "functions" / "Dockerfile").read_text().splitlines() if not line.startswith("#")]


def instructions(name: str) -> list[str]:
    return [line.split(maxsplit=1)[1] for line in LINES if line.startswith(f"{name} ")]


def test_it_runs_as_a_user_whom_kubernetes_can_tell_from_root() -> None:
    assert instructions("USER") == ["10001:10001"]


def test_its_server_believes_no_proxy_by_itself() -> None:
    # KUBEDOOR_TRUSTED_PROXIES says who is believed; gunicorn and uvicorn would believe everybody on loopback.
    text = (ROOT / "functions" / "Dockerfile").read_text()
    assert 'FORWARDED_ALLOW_IPS=""' in text.split("ENV ")[-1]


def test_its_command_is_a_list_so_that_signals_arrive() -> None:
    assert instructions("CMD") == ['["functions-framework"]']


def test_what_it_copies_is_there_and_is_not_ignored() -> None:
    allowed = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for words in instructions("COPY"):
        if words.startswith("--from"):
            continue
        for source in words.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert source.split("/")[0] in allowed


def test_the_embedded_engine_and_development_are_not_in_it() -> None:
    (install,) = [line for line in LINES if "pip install" in line]
    assert install.endswith("--constraint /tmp/constraints.txt .")
    assert "local" not in install
    assert "dev" not in install
