"""Data sets of Kaggle, known by the names of our sources.

The protocol: `GET /api/v1/datasets/download/<owner>/<name>` with HTTP Basic (user name and key of `kaggle.json`) or a bearer
token redirects to a signed URL of Google Cloud Storage, which answers with a zip, its MD5 and CRC32C.
Source: github.com/Kaggle/kagglehub, src/kagglehub/clients.py.
"""

from base64 import b64encode
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from cryptodudez_assets.venues.download import MAX_BYTES, Download, Failed, Patience, Progress

KAGGLE = "https://www.kaggle.com"


@dataclass(frozen=True)
class DataSet:
    """A data set by its address at Kaggle, and the name of the file it is kept in (never one that a server chose)."""

    handle: str
    file_name: str


DATA_SETS = {"stock_market": DataSet("jacksoncrow/stock-market-dataset", "stock-market-dataset.zip")}

HINTS = {
    401: "Kaggle does not know these credentials: set CRYPTODUDEZ_KAGGLE_USERNAME and CRYPTODUDEZ_KAGGLE_KEY, "
    "both are in the kaggle.json that https://www.kaggle.com/settings makes",
    403: "Kaggle does not give it to this account: look at https://www.kaggle.com/datasets/{handle} whether it has terms to "
    "accept, and whether CRYPTODUDEZ_KAGGLE_USERNAME and CRYPTODUDEZ_KAGGLE_KEY are set",
    404: "Kaggle has no data set {handle} (any more)",
}


@dataclass(frozen=True)
class Credentials:
    """Who asks: user name and key of `kaggle.json`, or no name and an API token, or neither, for public data sets."""

    username: str = ""
    key: SecretStr | None = None

    def authorization(self) -> str | None:
        """The header of that name."""
        if self.key is None:
            return None
        key = self.key.get_secret_value().strip()
        if not (key.isascii() and key.isprintable()):
            raise Failed("the key for Kaggle holds characters that no key has")  # a header with them is shown in errors
        return f"Basic {b64encode(f'{self.username}:{key}'.encode()).decode()}" if self.username else f"Bearer {key}"


def fetch(
    dataset: str,
    target_folder: Path,
    credentials: Credentials,
    *,
    base_url: str = KAGGLE,
    on_progress: Progress = lambda done, total: None,
    patience: Patience = Patience(),
    max_bytes: int = MAX_BYTES,
) -> Path:
    """Download the data set of our source `dataset` into the folder and return its file.

    A download that broke off is resumed; a file that is there and still the same is not transferred again. `on_progress`
    hears how many bytes are there and how many there will be, if that is known. Raises `Failed`.
    """
    if dataset not in DATA_SETS:
        raise Failed(f"no data set {dataset!r}; there are: {', '.join(DATA_SETS)}")
    known = DATA_SETS[dataset]
    url = f"{base_url.rstrip('/')}/api/v1/datasets/download/{known.handle}"
    target = target_folder / known.file_name
    authorization = credentials.authorization()
    try:
        return Download(url, target, on_progress, authorization, patience, max_bytes).run()
    except Failed as failed:
        hint = HINTS.get(failed.status or 0)
        raise Failed(f"{failed}. {hint.format(handle=known.handle)}" if hint else str(failed), failed.status) from None
