"""A causal language model of the transformers library, from a folder on this machine.

Nothing is imported or read before `load` is called, nothing is ever fetched from a network, and no
code of the folder is run. Needs the extra ``language-model``.
"""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from synthetic_oversampling.theory.wording import counted

__all__ = ["HuggingFaceModel", "ModelError", "load"]

_INSTALL = "pip install 'synthetic-oversampling[language-model]'"


class ModelError(ValueError):
    """A model cannot be used; the message says why and what to do."""


def _module(name: str):
    try:
        return importlib.import_module(name)
    except ImportError as error:
        raise ModelError(
            f"a local language model needs {name}, which cannot be imported ({error}); install the "
            f"extra: {_INSTALL}"
        ) from error


class HuggingFaceModel:
    """A loaded model and its tokenizer, as a `practice.text.language_model.TextModel`.

    Args:
        model, tokenizer: of the transformers library.
        torch: the module, for seeds and for turning gradients off.
        new_tokens: of a continuation at most.
        temperature: of the draws; 1 draws from the model's own law.
    """

    def __init__(self, model, tokenizer, torch, *, new_tokens: int = 256, temperature: float = 1.0):
        self._model, self._tokenizer, self._torch = model, tokenizer, torch
        self._new_tokens, self._temperature = new_tokens, temperature

    def complete(self, prompt: str, *, n: int, seed: int) -> list[str]:
        """``n`` sampled continuations; equal for equal seeds on one machine.

        Args:
            prompt: what to continue.
            n: their number.
            seed: of the tokens.
        """
        torch, tokenizer = self._torch, self._tokenizer
        inputs = tokenizer(prompt, return_tensors="pt")
        length = inputs["input_ids"].shape[1]
        room = getattr(self._model.config, "max_position_embeddings", None)
        new_tokens = self._new_tokens
        if room is not None:
            new_tokens = min(new_tokens, room - length)
        if new_tokens < 1:
            raise ModelError(
                f"prompt: has {counted(length, 'token')} and the model reads {room}; show fewer "
                "seeds (--context)."
            )
        with torch.random.fork_rng(), torch.no_grad():
            torch.manual_seed(seed)
            tokens = self._model.generate(
                **inputs,
                do_sample=True,
                temperature=self._temperature,
                num_return_sequences=n,
                max_new_tokens=new_tokens,
                pad_token_id=tokenizer.eos_token_id,
            )
        return [tokenizer.decode(token[length:], skip_special_tokens=True) for token in tokens]


def load(
    path: str | os.PathLike, *, new_tokens: int = 256, temperature: float = 1.0
) -> HuggingFaceModel:
    """Load a model and its tokenizer from a folder.

    Args:
        path: a folder as ``save_pretrained`` writes it.
        new_tokens, temperature: see `HuggingFaceModel`.

    Raises:
        ModelError: no such folder, not a model's folder, the extra is missing, or loading fails.
    """
    folder = Path(path)
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"model: got {folder}, expected a folder with a model's config.json, as "
            "save_pretrained writes it; models are never downloaded here."
        )
    if new_tokens < 1 or not 0 < temperature < float("inf"):
        raise ModelError(
            f"new_tokens, temperature: got {new_tokens} and {temperature}, expected at least 1 and "
            "a positive number."
        )
    torch, transformers = _module("torch"), _module("transformers")
    try:
        tokenizer = transformers.AutoTokenizer.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
        model = transformers.AutoModelForCausalLM.from_pretrained(
            str(folder), local_files_only=True, trust_remote_code=False
        )
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"model: {folder} cannot be loaded ({error}).") from error
    model.eval()
    return HuggingFaceModel(model, tokenizer, torch, new_tokens=new_tokens, temperature=temperature)
