"""Settings that stand in files: where the environment of a process is shown to too many."""

from pathlib import Path

import pytest

from entrypoints.settings import FaultySettings, read_settings, with_files_read

URL = "postgresql://account_credit_app:secret@127.0.0.1/account_credit"


def test_a_secret_can_stand_in_a_file_whose_last_line_an_editor_has_ended(tmp_path: Path) -> None:
    (tmp_path / "url").write_text(f"{URL}\n")
    read = with_files_read(
        {
            "ACCOUNT_CREDIT_DATABASE_URL_FILE": str(tmp_path / "url"),
            "ACCOUNT_CREDIT_DATABASE_URL": "",
            "ACCOUNT_CREDIT_SECRET_KEYS_FILE": "",
            "ACCOUNT_CREDIT_SECRET_KEYS": "1:key",
            "ANOTHER_PROGRAMS_FILE": "/nowhere",
        }
    )
    settings = read_settings(read)
    assert (settings.database_url, settings.secret_keys) == (URL, "1:key")
    assert read["ANOTHER_PROGRAMS_FILE"] == "/nowhere"


def test_faulty_files_are_named_all_at_once_and_nothing_of_them_is_shown(tmp_path: Path) -> None:
    for name, content in (("empty", b" \n"), ("binary", b"\xffhush"), ("good", b"8000")):
        (tmp_path / name).write_bytes(content)
    with pytest.raises(FaultySettings) as told:
        with_files_read(
            {
                "ACCOUNT_CREDIT_DATABASE_URL_FILE": str(tmp_path / "missing"),
                "ACCOUNT_CREDIT_JOBS_DATABASE_URL_FILE": str(tmp_path / "empty"),
                "ACCOUNT_CREDIT_SECRET_KEYS_FILE": str(tmp_path / "binary"),
                "ACCOUNT_CREDIT_PORT_FILE": str(tmp_path / "good"),
                "ACCOUNT_CREDIT_PORT": "8001",
            }
        )
    assert told.value.faults == [
        "ACCOUNT_CREDIT_DATABASE_URL_FILE cannot be read: no such file or directory.",
        "ACCOUNT_CREDIT_JOBS_DATABASE_URL_FILE names a file that is empty.",
        "ACCOUNT_CREDIT_PORT and ACCOUNT_CREDIT_PORT_FILE are both set.",
        "ACCOUNT_CREDIT_SECRET_KEYS_FILE cannot be read: it is not text in UTF-8.",
    ]


def test_what_stands_in_a_file_is_judged_as_what_stands_in_the_environment(tmp_path: Path) -> None:
    (tmp_path / "port").write_text("eight")
    with pytest.raises(FaultySettings, match="ACCOUNT_CREDIT_PORT must be a whole number"):
        read_settings(with_files_read({"ACCOUNT_CREDIT_PORT_FILE": str(tmp_path / "port")}))
    (tmp_path / "colour").write_text("blue")
    with pytest.raises(FaultySettings, match="ACCOUNT_CREDIT_COLOUR is not a setting"):
        read_settings(with_files_read({"ACCOUNT_CREDIT_COLOUR_FILE": str(tmp_path / "colour")}))
