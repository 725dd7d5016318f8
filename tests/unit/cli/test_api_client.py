"""What the command line takes from whatever answers at `--url`, and what it sends there."""

from __future__ import annotations

from pathlib import Path

import pytest

from kubedoor.cli import main
from kubedoor.cli.api_client import ApiClient, ApiUnreachable
from kubedoor.errors import SettingsError
from tests.support.sites import Site, running

TOKEN = "kubedoor_s3cret"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_token_is_not_sent_where_a_redirect_leads(status: int, method: str) -> None:
    with running(Site()) as other, running(Site(status=status, location=f"{other.url}/login?state=x")) as site:
        with pytest.raises(ApiUnreachable) as caught:
            ApiClient(site.url, TOKEN).call(method, "/session", {"a": 1} if method == "POST" else None)
        assert other.authorizations == []
        assert site.authorizations == [f"Bearer {TOKEN}"]
    assert f"redirects to {other.url}, where the token is not sent" in caught.value.message
    assert "state" not in caught.value.message


ANSWERS = {
    "a web page": (Site(content_type="text/html; charset=utf-8", body=b"<html>"), "answers with a web page"),
    "a refusal in HTML": (Site(status=403, content_type="text/html", body=b"<html>"), "answered 403"),
    "no JSON": (Site(body=b"hello"), "is no JSON"),
    "half of it": (Site(body=b'[{"username"'), "is no JSON, or only the beginning"),
    "less than declared": (Site(body=b"[]", length=100), "broke off"),
    "nothing that HTTP has": (Site(status=99), "broke off"),
}


@pytest.mark.parametrize(("site", "words"), ANSWERS.values(), ids=ANSWERS.keys())
def test_what_is_no_answer_of_kubedoor_is_an_error_in_words(
    site: Site, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with running(site):
        for command in (["users", "list"], ["import", __file__]):
            assert main(["--url", site.url, "--token", TOKEN, *command]) == 1
            assert words in capsys.readouterr().err


def test_a_web_page_is_no_export(capsysbinary: pytest.CaptureFixture[bytes]) -> None:
    with running(Site(content_type="text/html", body=b"<html>")) as site:
        assert main(["--url", site.url, "--token", TOKEN, "export"]) == 1
    assert capsysbinary.readouterr().out == b""


WORKLOAD = b"---\n# shop/web\nspec: {replicas: 2}\n"
EXPORTS = {
    "a path as a workload": ("kustomize", b"---\n# shop/../../x\nspec: {}\n"),
    "a path as a namespace": ("helm", b"---\n# ../x\nspec: {}\n"),
    "an absolute path": ("helm", b"---\n# /etc/x\nspec: {}\n"),
    "no name": ("kustomize", b"---\nspec: {}\n"),
    "a name with a line feed": ("kustomize", b"---\n# shop/we\x0bb\nspec: {}\n"),
    "no export": ("kustomize", b"hello\n"),
    "a CSV of something else": ("csv", b"a,b\n1,2\n"),
    "half a JSON": ("json", b'[{"namespace": "shop"}'),
    "no text": ("csv", b"namespace,\xff"),
}


@pytest.mark.parametrize(("form", "body"), EXPORTS.values(), ids=EXPORTS.keys())
def test_a_broken_export_writes_nothing(
    tmp_path: Path, form: str, body: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "folder" / "out"
    output.parent.mkdir()
    if form in ("csv", "json"):
        output.write_text("as it was")
    is_file = form in ("csv", "json")
    # The first document of a folder is fine, and is not written either.
    with running(
        Site(content_type="text/plain", body=body if is_file or body == b"hello\n" else WORKLOAD + body)
    ) as site:
        done = main(["--url", site.url, "--token", TOKEN, "export", "--format", form, "--output", str(output)])
    assert (done, "nothing is written" in capsys.readouterr().err) == (1, True)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == (["out"] if is_file else [])
    assert not output.is_file() or output.read_text() == "as it was"


@pytest.mark.parametrize("link", ["shop", "shop/web.yaml", "kustomization.yaml"])
def test_a_symbolic_link_does_not_lead_out_of_the_folder(tmp_path: Path, link: str) -> None:
    output, outside = tmp_path / "out", tmp_path / "outside"
    (output / link).parent.mkdir(parents=True)
    outside.mkdir()
    (output / link).symlink_to(outside / "file" if "." in link else outside)
    with running(Site(content_type="application/yaml", body=WORKLOAD)) as site:
        words = ["--url", site.url, "--token", TOKEN, "export", "--format", "kustomize", "--output", str(output)]
        assert main(words) == 1
    assert list(outside.iterdir()) == []


@pytest.mark.parametrize(
    ("url", "token"),
    [
        ("http://u:hunter2@kubedoor", "t"),
        ("http://kubedoor:hunter2", "t"),
        ("kubedoor:hunter2", "t"),
        ("http://[hunter2", "t"),
        ("http://kubedoor", "hunter2\n"),
        ("http://kubedoor", "hunter2\u00e9"),
    ],
)
def test_an_address_or_a_token_that_cannot_be_used_is_not_repeated(url: str, token: str) -> None:
    with pytest.raises(SettingsError) as caught:
        ApiClient(url, token).call("GET", "/session")
    assert "hunter2" not in str(caught.value.details["problems"])
