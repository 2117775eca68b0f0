"""cli.model_archive: a model that is not the trained one, or that would unpack elsewhere, stops the start in words."""

from __future__ import annotations

import io
import json
import tarfile

import pytest

from cli.model_archive import CannotStart, faults_in, must_be_ours, sha256
from haven.settings import ROOT


def place(folder, *members, stamp=None):
    """An archive with these members (name, or a TarInfo) and its stamp."""
    with tarfile.open(folder / "haven.tar.gz", "w:gz") as tar:
        for member in members:
            info = member if isinstance(member, tarfile.TarInfo) else tarfile.TarInfo(member)
            info.size = 1 if info.isfile() else 0
            tar.addfile(info, io.BytesIO(b"x"))
    (folder / "haven.json").write_text(stamp or json.dumps({"sha256": sha256(folder / "haven.tar.gz")}))


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_the_trained_model_is_let_in(tmp_path):
    """What was trained and stamped passes; so does the one that lies in models/, where there is one."""
    place(tmp_path, "metadata.json", "components/train_FaqRetriever/weights.npz")
    must_be_ours(tmp_path)
    if (ROOT / "models" / "haven.tar.gz").is_file():
        assert faults_in(ROOT / "models" / "haven.tar.gz") == []


def test_one_changed_byte_stops_the_start(tmp_path):
    """A file that was changed after the training is refused with the command that makes a good one."""
    place(tmp_path, "metadata.json")
    with (tmp_path / "haven.tar.gz").open("ab") as archive:
        archive.write(b"\0")
    with pytest.raises(CannotStart, match=r"not the file that was trained.*bin/haven train --force"):
        must_be_ours(tmp_path)


@pytest.mark.parametrize("stamp", ["", "{}", "[]", "null", '{"sha256": null}', '{"sha256": ""}', "\0"])
def test_a_model_without_a_stamp_is_refused(tmp_path, stamp):
    """A missing or broken stamp is no permission."""
    place(tmp_path, "metadata.json", stamp=stamp or " ")
    with pytest.raises(CannotStart, match="not the file that was trained"):
        must_be_ours(tmp_path)
    (tmp_path / "haven.json").unlink()
    with pytest.raises(CannotStart, match="not the file that was trained"):
        must_be_ours(tmp_path)


@pytest.mark.parametrize("member", [
    "../outside", "a/../../outside", "/etc/outside", "..\\outside", special("link", tarfile.SYMTYPE, "/etc/passwd"),
    special("hard", tarfile.LNKTYPE, "../outside"), special("fifo", tarfile.FIFOTYPE), special("dev", tarfile.CHRTYPE),
], ids=lambda member: getattr(member, "name", member))
def test_nothing_unpacks_outside_its_folder(tmp_path, member):
    """Ways out, links and devices are refused even under a good stamp."""
    place(tmp_path, "metadata.json", member)
    with pytest.raises(CannotStart, match="is no model: it holds"):
        must_be_ours(tmp_path)


def test_what_is_no_archive_is_refused(tmp_path):
    """Nonsense under a good stamp is a sentence, not a traceback."""
    (tmp_path / "haven.tar.gz").write_bytes(b"not an archive")
    (tmp_path / "haven.json").write_text(json.dumps({"sha256": sha256(tmp_path / "haven.tar.gz")}))
    with pytest.raises(CannotStart, match="cannot be read"):
        must_be_ours(tmp_path)
