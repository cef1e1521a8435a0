"""Settings come from the environment alone, and a bad one is named before anything starts."""

import os
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest

from webapp.core.settings import Settings, SettingsError

NEEDED = {"DATABASE_URL": "postgres://u:p@db/a", "REDIS_URL": "redis://cache:6379/0", "S3_BUCKET": "b"}


def settings(**environ: str) -> Settings:
    return Settings.from_env(NEEDED | environ)


def test_three_settings_are_enough() -> None:
    assert settings().models == ("base",)


def test_everything_that_is_missing_is_named_at_once() -> None:
    with pytest.raises(SettingsError) as refused:
        Settings.from_env({})
    assert all(name in str(refused.value) for name in NEEDED)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("DATABASE_URL", "mysql://u@h/d", "postgres://"),
        ("DATABASE_URL", "nonsense", "postgres://"),
        ("REDIS_URL", "http://h", "redis://"),
        ("PORT", "80a", "a whole number from 1 to 65535"),
        ("PORT", "0", "a whole number from 1 to 65535"),
        ("PORT", "٣", "a whole number from 1 to 65535"),
        ("S3_UPLOAD_METHOD", "get", "post, put"),
        ("S3_ENDPOINT_URL", "store:9000", "a URL such as"),
        ("DEVICE", "tpu", "auto, cpu, cuda"),
        ("COMPUTE_TYPE", "int4", "int8"),
        ("BEAM_SIZE", "11", "from 0 to 10"),
        ("VAD_THRESHOLD", "2", "a number from 0.05 to 0.95"),
        ("VAD_THRESHOLD", "nan", "a number from 0.05 to 0.95"),
        ("VAD_FILTER", "perhaps", "true or false"),
        ("MODELS", " , ", "at least one name"),
        ("ALLOWED_FORMATS", "mp3,../x", "file extensions"),
    ],
)
def test_bad_value_is_refused_with_its_name_and_what_was_expected(
    name: str, value: str, expected: str
) -> None:
    with pytest.raises(SettingsError) as refused:
        settings(**{name: value})
    assert name in str(refused.value)
    assert expected in str(refused.value)


def test_bad_value_itself_is_not_repeated() -> None:
    with pytest.raises(SettingsError) as refused:
        settings(DATABASE_URL="mysql://u:hunter2@h/d")
    assert "hunter2" not in str(refused.value)


def test_secrets_do_not_show_in_logs() -> None:
    shown = repr(settings(S3_SECRET_ACCESS_KEY="hunter2", DATABASE_URL="postgres://u:hunter3@h/d"))
    assert "hunter" not in shown


@pytest.mark.parametrize("url", ["postgres://u:p@h/d?sslmode=require", "postgresql://u:p@h:6543/d"])
def test_database_urls_of_platforms_are_understood(url: str) -> None:
    assert settings(DATABASE_URL=url).database_url == url


def test_tls_redis_with_a_self_signed_certificate_is_understood() -> None:
    found = settings(REDIS_URL="rediss://:p@h:6380", REDIS_TLS_VERIFY="no")
    assert (found.redis_url, found.redis_tls_verify) == ("rediss://:p@h:6380", False)


def test_value_can_lie_in_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("s3cret\n")
    assert settings(S3_SECRET_ACCESS_KEY_FILE=str(secret)).s3_secret_access_key == "s3cret"


def test_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"S3_SECRET_ACCESS_KEY: the file .*gone"):
        settings(S3_SECRET_ACCESS_KEY_FILE=str(tmp_path / "gone"))


def test_value_given_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="given twice"):
        settings(S3_BUCKET_FILE=str(tmp_path / "x"))


def test_empty_variable_counts_as_not_given() -> None:
    assert settings(PORT="", PUBLIC_URL=" ").port == 8000


def test_lists_keep_their_order_and_lose_repeats() -> None:
    assert settings(MODELS="small, base,small").models == ("small", "base")
    assert settings(ALLOWED_FORMATS=".MP3,wav").allowed_formats == ("mp3", "wav")


def test_every_setting_is_documented() -> None:
    assert all(field.metadata["about"] for field in fields(Settings))


@pytest.mark.parametrize(
    "command",
    [
        ["uvicorn", "webapp.app:app"],
        ["saq", "tasks.settings"],
        ["webapp.core.migrate"],
        ["webapp.core.token"],
        ["webapp.core.bucket"],
    ],
    ids=lambda command: command[-1],
)
def test_process_with_bad_settings_ends_at_once_and_says_why(command: list[str]) -> None:
    environ = {name: value for name, value in os.environ.items() if name == "PATH"}
    ended = subprocess.run(
        [sys.executable, "-m", *command], env=environ, capture_output=True, text=True, timeout=30
    )
    assert ended.returncode == 1
    assert "DATABASE_URL: is missing" in ended.stderr
    assert "Traceback" not in ended.stderr
