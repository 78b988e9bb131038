"""A Feast feature store on the lake that the settings describe: in code, and as a folder for Feast's own commands."""

import json
from collections.abc import Iterable
from pathlib import Path

import feast
from feast.feast_object import FeastObject
from feast.feature_view import DUMMY_ENTITY_NAME
from feast.repo_config import RegistryConfig, RepoConfig

from cryptodudez_assets.feature_store.feast_plugin.definitions import definitions
from cryptodudez_assets.feature_store.feast_plugin.offline import CryptodudezOfflineStoreConfig
from cryptodudez_assets.feature_store.feast_plugin.online import CryptodudezOnlineStoreConfig
from cryptodudez_assets.settings import Settings

PROJECT = "cryptodudez"

# Settings that are not here come from the environment, as for `cryptodudez` itself: passwords do not get into the file.
YAML = """\
# Made by `cryptodudez feast-repo`. What is not said here is as CRYPTODUDEZ_* in the environment says.
project: {project}
provider: local
registry: {registry}
offline_store:
  type: {offline}
  settings: {{home: {home}}}
online_store:
  type: {online}
  settings: {{home: {home}}}
entity_key_serialization_version: 3
"""

FEATURES = '''\
"""Made by `cryptodudez feast-repo`: what `feast apply` registers are the declarations in cryptodudez_assets/features."""

from cryptodudez_assets.feature_store.feast_plugin.definitions import definitions
from cryptodudez_assets.feature_store.feast_plugin.offline import CryptodudezOfflineStoreConfig
from cryptodudez_assets.feature_store.feast_plugin.online import CryptodudezOnlineStoreConfig

globals().update({f"{type(one).__name__} {one.name}": one for one in definitions()})
'''


def feature_store(settings: Settings) -> feast.FeatureStore:
    """Feast's feature store, with all declared views registered and none that is not declared any more."""
    config = RepoConfig(
        project=PROJECT,
        provider="local",
        registry=RegistryConfig(path=str(_registry(settings))),
        offline_store=dict(CryptodudezOfflineStoreConfig(settings=settings)),
        online_store=dict(CryptodudezOnlineStoreConfig(settings=settings)),
        entity_key_serialization_version=3,
    )
    store = feast.FeatureStore(config=config)
    declared = definitions()
    store.apply(declared, objects_to_delete=_gone(store, declared), partial=False)
    return store


def _gone(store: feast.FeatureStore, declared: Iterable[FeastObject]) -> list[FeastObject]:
    """What was registered and is not declared any more."""
    names = {(type(one), one.name) for one in declared}
    there: list[FeastObject] = [*store.list_feature_views(), *store.list_data_sources(), *store.list_entities()]
    return [one for one in there if (type(one), one.name) not in names and one.name != DUMMY_ENTITY_NAME]


def write_repo(settings: Settings, folder: Path) -> None:
    """Write a folder in which `feast ui`, `feast serve` and the like work, and register what is declared."""
    folder.mkdir(parents=True, exist_ok=True)
    values = {
        "project": PROJECT,
        "registry": json.dumps(str(_registry(settings))),
        "home": json.dumps(str(settings.home)),
        "offline": CryptodudezOfflineStoreConfig().type,
        "online": CryptodudezOnlineStoreConfig().type,
    }
    (folder / "feature_store.yaml").write_text(YAML.format(**values))
    (folder / "features.py").write_text(FEATURES)
    feature_store(settings)


def _registry(settings: Settings) -> Path:
    path = settings.home / "feast" / "registry.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
