import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from techspec.skill import embedding, index, listing, search, store
from techspec.skill.embedding import PLACE, Model, NoModel, find
from techspec.skill.index import ask, build
from techspec.skill.registry import Registry
from techspec.skill.search import Counts, Document, Index

WORDS = [
    *("[PAD]", "[UNK]", "[CLS]", "[SEP]"),
    "sail",
    "boat",
    "tide",
    "oven",
    "bread",
    "##s",
    "the",
]
WIDTH, HEADS, LAYERS, HIDDEN, PLACES = 16, 2, 2, 24, 12


def write_model(folder, seed=0, **config):
    """A BERT by chance, as sentence-transformers stores one."""
    chance = np.random.default_rng(seed)
    shapes = {
        "embeddings.word_embeddings.weight": (len(WORDS), WIDTH),
        "embeddings.position_embeddings.weight": (PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
        "embeddings.LayerNorm.weight": (WIDTH,),
        "embeddings.LayerNorm.bias": (WIDTH,),
    }
    for n in range(LAYERS):
        layer = f"encoder.layer.{n}"
        for name, rows, columns in (
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", HIDDEN, WIDTH),
            ("output.dense", WIDTH, HIDDEN),
        ):
            shapes |= {f"{layer}.{name}.weight": (rows, columns), f"{layer}.{name}.bias": (rows,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}.{name}.weight": (WIDTH,), f"{layer}.{name}.bias": (WIDTH,)}
    weights = {name: chance.standard_normal(shape, np.float32) for name, shape in shapes.items()}
    header, place = {}, 0
    for name, weight in weights.items():
        header[name] = {
            "dtype": "F32",
            "shape": weight.shape,
            "data_offsets": [place, place + weight.nbytes],
        }
        place += weight.nbytes
    told = json.dumps(header).encode()
    (folder / "1_Pooling").mkdir(parents=True, exist_ok=True)
    (folder / "model.safetensors").write_bytes(
        b"".join(
            [len(told).to_bytes(8, "little"), told, *map(np.ndarray.tobytes, weights.values())]
        )
    )
    known = {
        "model_type": "bert",
        "hidden_act": "gelu",
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "layer_norm_eps": 1e-12,
    }
    (folder / "config.json").write_text(json.dumps(known | config))
    (folder / "1_Pooling/config.json").write_text('{"pooling_mode_mean_tokens": true}')
    tokenizers = pytest.importorskip("tokenizers")
    pieces = tokenizers.models.WordPiece({w: n for n, w in enumerate(WORDS)}, unk_token="[UNK]")
    tokenizer = tokenizers.Tokenizer(pieces)
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", 2), ("[SEP]", 3)]
    tokenizer.post_processor = tokenizers.processors.TemplateProcessing(
        "[CLS] $A [SEP]", special_tokens=ends
    )
    tokenizer.save(os.fspath(folder / "tokenizer.json"))
    return weights


def by_torch(weights, ids):
    """What the same weights make of tokens in torch's own layers."""
    t = {name: torch.tensor(weight) for name, weight in weights.items()}
    x = t["embeddings.word_embeddings.weight"][ids]
    x = x + t["embeddings.position_embeddings.weight"][: len(ids)]
    x = x + t["embeddings.token_type_embeddings.weight"][0]
    norm = "embeddings.LayerNorm"
    x = torch.nn.functional.layer_norm(x, (WIDTH,), t[f"{norm}.weight"], t[f"{norm}.bias"], 1e-12)
    for n in range(LAYERS):
        layer = torch.nn.TransformerEncoderLayer(
            WIDTH, HEADS, HIDDEN, dropout=0.0, activation="gelu", layer_norm_eps=1e-12
        ).eval()
        own = {name.removeprefix(f"encoder.layer.{n}."): weight for name, weight in t.items()}
        state = {}
        for part in ("weight", "bias"):
            of_self = [own[f"attention.self.{name}.{part}"] for name in ("query", "key", "value")]
            state |= {
                f"self_attn.in_proj_{part}": torch.cat(of_self),
                f"self_attn.out_proj.{part}": own[f"attention.output.dense.{part}"],
                f"linear1.{part}": own[f"intermediate.dense.{part}"],
                f"linear2.{part}": own[f"output.dense.{part}"],
                f"norm1.{part}": own[f"attention.output.LayerNorm.{part}"],
                f"norm2.{part}": own[f"output.LayerNorm.{part}"],
            }
        layer.load_state_dict(state)
        x = layer(x[:, None])[:, 0]
    mean = x.mean(0)
    return (mean / mean.norm()).detach().numpy()


def test_a_model_encodes_as_the_layers_of_torch_do(tmp_path):
    weights = write_model(tmp_path)

    (encoded,) = Model(tmp_path).encode(["the sails tide"])

    assert encoded == pytest.approx(by_torch(weights, [2, 10, 4, 9, 6, 3]), abs=1e-5)


def test_texts_of_several_lengths_are_encoded_together_as_they_are_alone(tmp_path):
    write_model(tmp_path)
    model = Model(tmp_path)
    texts = ["bread", "the boat sails the tide", "", "oven " * 40]

    together = model.encode(texts)

    assert together == pytest.approx(np.concatenate([model.encode([t]) for t in texts]), abs=1e-5)
    assert np.linalg.norm(together, axis=1) == pytest.approx(1.0)


def test_other_weights_have_another_fingerprint(tmp_path):
    for seed in (0, 1):
        write_model(tmp_path / str(seed), seed)

    assert len({Model(tmp_path / str(seed)).fingerprint for seed in (0, 1)}) == 2


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json"),
        (lambda folder: (folder / "tokenizer.json").write_text("{"), "EOF"),
        (
            lambda folder: os.truncate(folder / "model.safetensors", 5000),
            "safetensors|size|reshape",
        ),
        (lambda folder: write_model(folder, model_type="t5"), "t5"),
        (lambda folder: write_model(folder, num_hidden_layers=3), "encoder.layer.2"),
    ],
)
def test_a_folder_without_a_whole_bert_is_refused_by_name_with_the_way_out(tmp_path, damage, told):
    write_model(tmp_path)
    damage(tmp_path)

    with pytest.raises(NoModel, match=told) as refused:
        Model(tmp_path)

    assert str(tmp_path) in refused.value.what
    assert f"{PLACE} to" in refused.value.fix


def test_the_model_is_that_of_the_environment_and_off_is_none(tmp_path, monkeypatch):
    monkeypatch.setenv(PLACE, str(tmp_path))
    assert find() == tmp_path
    monkeypatch.setenv(PLACE, "off")
    assert find() is None


def test_a_package_with_a_model_is_used_and_not_imported(tmp_path, monkeypatch):
    (tmp_path / embedding._PACKAGE).mkdir()
    (tmp_path / embedding._PACKAGE / "__init__.py").write_text("raise SystemExit")
    monkeypatch.delenv(PLACE)
    monkeypatch.syspath_prepend(tmp_path)
    embedding._installed.cache_clear()
    try:
        assert find() == tmp_path / embedding._PACKAGE / "model"
    finally:
        embedding._installed.cache_clear()


class Encoded(Counts):
    """Documents with the same words, one of which has no vector."""

    def __init__(self, vectors):
        super().__init__()
        for name in vectors:
            self.add(Document(name, {"description": "notes on bread"}))
        self.embeddings = np.array(list(vectors.values()), np.float32)


def test_of_pages_with_the_same_words_that_which_the_model_finds_near_comes_first():
    nan = float("nan")
    stored = Encoded({"far": (1, 0), "unknown": (nan, nan), "near": (0, 1), "mid": (0.8, 0.6)})
    asked = []

    def encode(texts):
        asked.extend(texts)
        return np.array([[0, 1]] * len(texts), np.float32)

    index = Index([Document("a spec", {"description": "notes on bread"})], stored, encode=encode)
    found = index.search("bread", ["yeast", "oven"]).hits

    assert asked == ["bread ", "yeast, oven"]
    assert [hit.key for hit in found] == ["near", "mid", "a spec", "unknown", "far"]
    assert len({hit.confidence for hit in found}) == 1


def test_what_shares_no_word_with_a_question_is_no_hit_however_near_the_model_finds_it():
    stored = Encoded({"near": (0, 1)})
    index = Index((), stored, encode=lambda texts: np.array([[0, 1]] * len(texts), np.float32))

    assert index.search("sails").hits == ()


@pytest.fixture
def registry(tmp_path, monkeypatch):
    """A registry of three pages, its index in a file, and a model."""
    monkeypatch.setenv("TECHSPEC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(index, "SMALL", 0)
    # Pages written this very moment are read once more, as new ones.
    monkeypatch.setattr(store, "_SETTLED_SECONDS", 0.0)
    for number, text in enumerate(("sails", "the boat", "bread")):
        write(tmp_path / "registry", number, text)
    write_model(tmp_path / "model")
    use(monkeypatch, tmp_path / "model")
    return Registry([tmp_path / "registry"])


def use(monkeypatch, folder):
    monkeypatch.setenv(PLACE, str(folder))
    monkeypatch.setattr(index, "_open", {})
    monkeypatch.setattr(listing, "_listings", {})
    monkeypatch.setattr(listing, "_known", {})


def write(root, number, text):
    page = root / f"page-{number}" / "SKILL.md"
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_text(f"---\nname: page-{number}\ndescription: {text}\n---\nnotes\n")
    os.utime(page, (1e9, 1e9))


def embeddings(registry):
    """By page, its vector; None where the model at hand has made none."""

    def of(library):
        of_pages = library._cache.pages
        known = of_pages.embeddings
        keys = [Path(key).parent.name for key in of_pages.keys]
        return dict(zip(keys, [None] * len(keys) if known is None else known, strict=True))

    return ask(registry, of)


def test_another_process_encodes_the_pages_of_a_registry(registry):
    for number in range(3, 41):  # the other process keeps no index of fewer
        write(registry.folders[0], number, "tide")
    assert set(embeddings(registry).values()) == {None}
    (cache,) = index._open.values()
    assert cache._builder.wait(60) == 0

    found = embeddings(registry)
    pages = {"page-1": "page 1. the boat", "page-40": "page 40. tide"}
    expected = Model(find()).encode(list(pages.values()))

    assert len(found) == 41
    assert np.stack([found[page] for page in pages]) == pytest.approx(expected, abs=1e-3)


def test_only_pages_that_changed_are_encoded_again(registry, monkeypatch):
    build(registry)
    write(registry.folders[0], 1, "the oven")
    write(registry.folders[0], 3, "tide")
    assert np.isnan(embeddings(registry)["page-3"]).all()

    encoded = []
    encode = Model.encode
    monkeypatch.setattr(
        Model, "encode", lambda self, texts: encoded.extend(texts) or encode(self, texts)
    )
    build(registry)

    assert sorted(encoded) == ["page 1. the oven", "page 3. tide"]
    assert not np.isnan(list(embeddings(registry).values())).any()


def test_a_page_that_is_gone_takes_its_vector_along(registry):
    build(registry)
    (registry.folders[0] / "page-0" / "SKILL.md").unlink()

    assert set(embeddings(registry)) == {"page-1", "page-2"}
    (cache,) = index._open.values()
    assert cache._one("SELECT count(*) FROM embeddings") == 2


def test_a_page_that_goes_while_it_is_encoded_leaves_nothing_behind(registry, monkeypatch):
    encode = Model.encode

    def interrupted(self, texts):
        (registry.folders[0] / "page-2" / "SKILL.md").unlink(missing_ok=True)
        monkeypatch.setattr(Model, "encode", encode)
        cache = next(iter(index._open.values()))
        other = index.Cache(cache._file, cache.roots)
        other.answer(listing.look(cache.roots), lambda: None)
        other.close()
        return encode(self, texts)

    embedding.load(find())  # which encodes a text of its own
    monkeypatch.setattr(Model, "encode", interrupted)
    build(registry)

    assert set(embeddings(registry)) == {"page-0", "page-1"}
    (cache,) = index._open.values()
    assert cache._one("SELECT count(*) FROM embeddings") == 2


def test_vectors_of_one_model_are_not_compared_with_questions_by_another(
    registry, monkeypatch, tmp_path
):
    build(registry)
    first = embeddings(registry)
    write_model(tmp_path / "other", seed=1)
    use(monkeypatch, tmp_path / "other")
    assert set(embeddings(registry).values()) == {None}

    build(registry)
    second = embeddings(registry)

    assert not any(np.array_equal(first[page], second[page]) for page in first)


def test_without_a_model_nothing_is_encoded_and_vectors_stay(registry, monkeypatch):
    build(registry)
    use(monkeypatch, "off")
    assert set(embeddings(registry).values()) == {None}
    (cache,) = index._open.values()
    assert cache._builder is None
    assert cache._one("SELECT count(*) FROM embeddings") == 3


def test_a_model_that_cannot_be_used_is_told_to_whoever_asks(registry, monkeypatch, tmp_path):
    use(monkeypatch, tmp_path / "nowhere")

    with pytest.raises(NoModel, match="nowhere"):
        embeddings(registry)


def test_words_alone_tell_how_sure_a_match_is(registry):
    build(registry)

    def confidences(library):
        return [hit.confidence for hit in library.index().search("sails and the boat").hits]

    with_model = ask(registry, confidences)
    without = ask(
        registry, lambda library: Index((), library._cache.pages).search("sails and the boat")
    )

    assert sorted(with_model) == sorted(hit.confidence for hit in without.hits)
    assert search.EMBEDDING_SHARE > 0
