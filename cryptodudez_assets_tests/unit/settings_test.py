"""Settings: what they are without any, and what is made of those that are given."""

from pathlib import Path

import pytest
from pydantic import SecretStr, ValidationError

from cryptodudez_assets.settings import Settings, unknown_variables
from cryptodudez_assets_tests.builders import open_lake


def test_without_any_everything_is_below_one_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "LAKE", "CATALOG"):
        monkeypatch.delenv(f"CRYPTODUDEZ_{name}", raising=False)

    settings = Settings()

    assert settings.home == tmp_path / ".cryptodudez"
    assert settings.lake == str(tmp_path / ".cryptodudez" / "lake")
    assert settings.catalog == f"sqlite:///{tmp_path / '.cryptodudez' / 'catalog.db'}"
    assert settings.lake_is_local


def test_an_empty_variable_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CRYPTODUDEZ_HOME", "")

    assert Settings().home == tmp_path / ".cryptodudez"


def test_folders_become_absolute_and_urls_stay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)

    assert Settings(lake="here/").lake == str(tmp_path / "here")
    assert Settings(lake="s3://bucket/prefix/").lake == "s3://bucket/prefix"
    assert not Settings(lake="gs://bucket").lake_is_local


def test_a_password_in_the_catalog_is_not_shown():
    assert "secret" not in repr(Settings(catalog="postgresql://user:secret@host/db"))


@pytest.mark.parametrize(
    "url",
    [
        "https://host/path?warehouse=s3%3A%2F%2Fbucket&rest.sigv4-enabled=true",
        "http://127.0.0.1:8181",
        "http://[::1]:8181/a",
    ],
)
def test_a_rest_catalog_is_one_by_its_address(url: str):
    told = Settings(catalog=url, catalog_token=SecretStr("secret"))
    assert told.catalog_is_rest
    assert "secret" not in f"{told!r}"
    assert not Settings(catalog="postgresql://host/db").catalog_is_rest


@pytest.mark.parametrize(
    ("name", "url", "told"),
    [
        ("lake", "abfs://secret@host", "must be a folder or begin with s3:// or gs://"),
        ("catalog", "mysql://user:secret@host", "must begin with sqlite:///, postgresql://, https:// or http://"),
        ("catalog", "https://user:secret@host/path", "without user or password: .* CRYPTODUDEZ_CATALOG_TOKEN"),
        ("catalog", "https://host/path?token=secret", "nothing but audience, .*, warehouse behind"),
        ("catalog", "http://secret.example/path", "http://… only on this machine"),
        ("notifications", "https://secret.example", "must begin with sqlite:/// or postgresql://"),
        ("dagster", "https://secret.example", "must begin with postgresql://"),
        ("online", "secret", "must begin with sqlite:///, postgresql://"),
    ],
)
def test_a_place_of_an_unknown_kind_is_refused_and_not_repeated(name: str, url: str, told: str):
    with pytest.raises(ValidationError, match=told) as refused:
        Settings(**{name: url})
    assert "secret" not in str(refused.value)


def test_a_mistyped_variable_is_found_with_what_was_meant(monkeypatch: pytest.MonkeyPatch):
    before = unknown_variables()
    for name in ("CRYPTODUDEZ_SENSOR_SECOND", "cryptodudez_lake", "CRYPTODUDEZ_REAL_DATA", "CRYPTO"):
        monkeypatch.setenv(name, "1")

    assert unknown_variables() == before | {"CRYPTODUDEZ_SENSOR_SECOND": "CRYPTODUDEZ_SENSOR_SECONDS"}


def test_there_can_be_nothing_yet_only_where_all_is_kept_in_the_home(tmp_path: Path):
    assert Settings(home=tmp_path / "new").nothing_yet
    assert not Settings(home=tmp_path).nothing_yet
    assert not Settings(home=tmp_path / "new", lake="s3://bucket").nothing_yet
    assert not Settings(home=tmp_path / "new", catalog="postgresql://host/db").nothing_yet


def test_a_home_with_signs_that_urls_escape_is_itself(tmp_path: Path) -> None:
    lake = open_lake(Settings(home=tmp_path / "a%20b c"))
    assert lake.tables.names() == []
    assert (tmp_path / "a%20b c" / "catalog.db").is_file()


@pytest.mark.parametrize("lake", ["s3:/bucket/lake", "S3:/bucket", "S3//bucket", "gs:/bucket", "s3a:/bucket"])
@pytest.mark.parametrize("setting", ["lake", "raw"])
def test_a_bucket_with_a_slash_too_few_is_no_folder(tmp_path: Path, setting: str, lake: str) -> None:
    with pytest.raises(
        ValidationError, match=f"must begin with s3:// or gs://; for a folder of that name write ./{lake}"
    ):
        Settings(home=tmp_path, **{setting: lake})
    assert Settings(home=tmp_path, **{setting: f"./{lake}"})
