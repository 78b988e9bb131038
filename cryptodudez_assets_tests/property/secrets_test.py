"""No value of a setting that may hold a password is ever repeated: whatever is wrong with it, and whoever tells of it."""

import traceback
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from click.testing import CliRunner
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr, ValidationError

from cryptodudez_assets.cli import main
from cryptodudez_assets.feature_store.online import open_online_store
from cryptodudez_assets.features import all_views
from cryptodudez_assets.settings import PREFIX, Settings, may_be_told
from cryptodudez_assets_tests.builders import open_lake

TELLING = {name for name in Settings.model_fields if may_be_told(name)}
SECRET = sorted(set(Settings.model_fields) - TELLING)
WORD = "hunter2"
"""The password, or a part of it: whatever else is in it, this is not to be seen."""

signs = st.sampled_from(
    [*"@:/?#%&=[]{}<> \\'\"|^`~,;!$*()+é\t\n\x7f\x1b", "://", "%zz", "%00", "\u202e", "\ud800", "9"]
)
password = st.lists(signs, max_size=4).flatmap(
    lambda around: st.integers(0, len(around)).map(lambda at: "".join([*around[:at], WORD, *around[at:]]))
)
schemes = st.sampled_from(
    [
        "",
        "://",
        "sqlite:///",
        "postgresql://",
        "postgres://",
        "redis://",
        "unix://",
        "s3://",
        "gs://",
        "http://",
        "mysql://",
    ]
)
shapes = st.sampled_from(
    [
        "{scheme}joe:{password}@127.0.0.1:1/db",
        "{scheme}joe:{password}@127.0.0.1/db:1",
        "{scheme}joe:{password}",
        "{scheme}{password}",
        "{scheme}:{password}@127.0.0.1:1",
        "{scheme}127.0.0.1:{password}/db",
        "{scheme}127.0.0.1:1/db?user=joe&password={password}",
        "{scheme}127.0.0.1:1/db?pasword={password}",
        "{scheme}127.0.0.1:1/db?{password}",
        "joe:{password}@127.0.0.1/db",
        "host=127.0.0.1 port=1 password={password}",
    ]
)
values = st.builds(
    lambda shape, scheme, password: shape.format(scheme=scheme, password=password), shapes, schemes, password
)


def test_settings_of_which_the_value_is_told_are_numbers_and_the_home() -> None:
    assert {"home", "batch_megabytes", "settle_seconds"} <= TELLING
    assert {"catalog", "online", "lake", "s3_endpoint", "gs_endpoint", "api_key", "kaggle_key"} <= set(SECRET)


@pytest.mark.parametrize("name", SECRET)
@settings(deadline=None, max_examples=60)
@given(value=values)
@example(value=f"joe:{WORD}@h/db")
@example(value=f"postgresql://joe:{WORD} @h/db")
@example(value=f"postgresql://joe:1/{WORD}@127.0.0.1/db")
@example(value=f"postgresql://joe@127.0.0.1:{WORD}/db")
def test_what_is_wrong_with_a_setting_does_not_repeat_it(name: str, value: str) -> None:
    try:
        made = Settings(home=Path("home"), **{name: value})
    except ValidationError as error:
        said = str(error) + repr(error) + "".join(traceback.format_exception(error))
    else:
        said = repr(made) if name in {"catalog", "online"} or isinstance(getattr(made, name), SecretStr) else ""
    assert WORD not in said


@pytest.mark.parametrize("name", ["catalog", "online", "s3_endpoint", "gs_endpoint"])
@settings(deadline=None, max_examples=15)
@given(value=values)
@example(value=f"joe:{WORD}@h/db")
@example(value=f"postgresql://joe:{WORD}@127.0.0.1:1/db")
@example(value=f"postgresql://127.0.0.1:1/db?password={WORD}")
@example(value=f"postgresql://{WORD}/db")
def test_commands_do_not_repeat_it_either(name: str, value: str) -> None:
    if value.startswith("sqlite:///") or "\0" in value or any("\ud800" <= sign < "\udc80" for sign in value):
        return  # the path of a file is no secret; the environment cannot hold the others
    with TemporaryDirectory() as folder:
        environment = {f"{PREFIX}HOME": folder, f"{PREFIX}{name.upper()}": value}
        done = CliRunner(env=environment).invoke(main, ["status"])
    said = done.output + "".join(traceback.format_exception(done.exception) if done.exception else [])
    assert WORD not in said


def test_a_catalog_that_does_not_answer_is_told_without_it(tmp_path: Path) -> None:
    lake = open_lake(Settings(home=tmp_path, catalog=f"postgresql://joe:{WORD}@127.0.0.1:1/db"))
    with pytest.raises(Exception, match=r"127\.0\.0\.1") as failed:
        lake.tables.names()
    assert WORD not in "".join(traceback.format_exception(failed.value))


def test_an_online_store_that_does_not_answer_is_told_without_it() -> None:
    store = open_online_store(f"redis://:{WORD}@127.0.0.1:1/0")
    with pytest.raises(Exception, match=r"127\.0\.0\.1") as failed:
        store.bookmark(all_views()["crypto_daily"])
    assert WORD not in "".join(traceback.format_exception(failed.value))
