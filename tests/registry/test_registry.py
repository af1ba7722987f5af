import attrs
import pytest

from gmcore.errors import AmbiguousNameError, ConfigError, DuplicateNameError, UnknownNameError
from gmcore.registry import PluginRegistry, Registry, State


@attrs.frozen(kw_only=True)
class Net:
    width: int = attrs.field(default=8, validator=attrs.validators.ge(1))

    def create(self, schema): ...


MODEL = "class {}:\n    def create(self, schema): ...\n"


@pytest.fixture
def registry() -> Registry[object]:
    return Registry("model provider")


@pytest.fixture
def models(install) -> Registry[object]:
    """Return a registry of installed model providers, with `net` of acme-models."""
    source = "import attrs\n@attrs.frozen(kw_only=True)\nclass Net:\n    width: int = 8\n"
    source += "    def create(self, schema): ...\n"
    install("acme-models", entry_points={"gmcore.model_providers": {"net": "acme:Net"}}, modules={"acme": source})
    return PluginRegistry("float32").model_providers


def test_a_registered_component_is_found_created_and_listed(registry):
    registry.register("net", Net)
    assert registry["net"] is Net
    assert registry.create("net", width=3) == Net(width=3)
    assert (list(registry), len(registry), "net" in registry, "ten" in registry) == (["net"], 1, True, False)
    info = registry.info("net")
    assert (info.name, info.distribution, info.state, info.reason) == ("net", "", State.REGISTERED, "")
    assert info.value.endswith(":Net")


def test_register_is_also_a_decorator(registry):
    @registry.register("make")
    def make(*, size: int) -> int:
        return size * 2

    assert registry.create("make", size=4) == 8
    assert make(size=1) == 2


def test_an_installed_component_is_imported_at_its_first_use(models):
    assert "net" in models
    assert models.info("net").state is State.INSTALLED
    assert models.create("net", width=2).width == 2
    assert models["acme-models/net"] is models["Acme_Models/net"] is models["net"]
    assert models.info("net").state is State.LOADED


def test_options_are_checked_strictly(models):
    with pytest.raises(ConfigError, match=r"^widht: unknown key, did you mean 'width'\?$"):
        models.create("net", widht=2)
    with pytest.raises(ConfigError, match=r"^model\.width: must be a whole number, got '2'$"):
        models.build("net", {"width": "2"}, path="model")


def test_a_plain_factory_is_called_and_any_other_object_is_the_component(registry):
    registry.register("make", lambda size: size)
    with pytest.raises(ConfigError, match=r"^data: got an unexpected keyword argument 'sise'$"):
        registry.build("make", {"size": 1, "sise": 2}, path="data")
    thing = object()
    registry.register("thing", thing)
    assert registry.create("thing") is thing
    with pytest.raises(ConfigError, match="size: unknown key, this component has no options"):
        registry.create("thing", size=1)


def test_bound_options_are_given_and_cannot_be_changed():
    backends = Registry("backend", bound={"dtype": "float64"})
    backends.register("fake", lambda dtype, device="cpu": (dtype, device))
    assert PluginRegistry("float64").backends.bound == backends.bound
    assert backends.create("fake") == ("float64", "cpu")
    assert backends.create("fake", dtype="float64", device="gpu") == ("float64", "gpu")
    with pytest.raises(ConfigError, match=r"^backend\.dtype: must be 'float64', got 'float32'$"):
        backends.build("fake", {"dtype": "float32"}, path="backend")


def test_a_name_is_registered_once(registry, models):
    registry.register("net", Net)
    with pytest.raises(
        DuplicateNameError, match=r"a model provider named 'net' already exists \(.*Net, registered in code\)"
    ):
        registry.register("net", Net)
    with pytest.raises(DuplicateNameError, match=r"\(acme-models 1\.0\): choose another name or unregister it"):
        models.register("net", Net)
    for name in ("", "a/b"):
        with pytest.raises(ValueError, match="can't be empty or contain '/'"):
            registry.register(name, Net)


def test_unregistering_frees_a_name_and_clearing_frees_all(models):
    assert models["net"] is models["acme-models/net"]
    models.unregister("net")
    for name in ("net", "acme-models/net"):
        assert name not in models
        with pytest.raises(UnknownNameError):
            models[name]
    models.register("net", Net)
    assert models["net"] is Net
    models.unregister("net")
    with pytest.raises(UnknownNameError):
        models.unregister("net")
    models.register("net", Net)
    assert models["net"] is Net
    models.clear()
    assert (list(models), models.entries()) == ([], ())
    with pytest.raises(UnknownNameError):
        models["net"]
    models.register("only", Net)
    assert list(models) == ["only"]


def test_the_error_for_an_ambiguous_name_lists_both_distributions(models, install):
    other = {"gmcore.model_providers": {"net": "other:Other"}}
    install("gm-other", "2.1", entry_points=other, modules={"other": MODEL.format("Other")})
    with pytest.raises(AmbiguousNameError) as error:
        models["net"]
    assert str(error.value) == (
        "several model providers are named 'net': "
        "use 'acme-models/net' (acme-models 1.0) or 'gm-other/net' (gm-other 2.1)"
    )
    assert "net" not in models
    assert {"acme-models/net", "gm-other/net"} <= set(models)
    assert models["gm-other/net"].__name__ == "Other"
    both = [info for info in models.entries() if info.name == "net"]
    assert [(info.distribution, info.state) for info in both] == [
        ("acme-models", State.AMBIGUOUS),
        ("gm-other", State.AMBIGUOUS),
    ]
    assert both[0].reason == "also provided by gm-other 2.1: use 'acme-models/net'"
    models.unregister("gm-other/net")
    assert models["net"].__name__ == "Net"


@pytest.mark.parametrize(
    ("port", "name", "message"),
    [
        ("model_providers", "ent", "no model provider named 'ent': did you mean 'net' (acme-models 1.0)?"),
        ("model_providers", "NET", "no model provider named 'NET': did you mean 'net' (acme-models 1.0)?"),
        ("model_providers", "acme/net", "no model provider named 'acme/net': did you mean 'net' (acme-models 1.0)?"),
        ("model_providers", "xyz", "no model provider named 'xyz' (available: 'net')"),
        (
            "model_providers",
            "mlp",
            "no model provider named 'mlp' is installed: it is part of gm-mlp-model (pip install gm-mlp-model)",
        ),
        ("backends", "metl", "no backend named 'metl': did you mean 'metal' (pip install gm-metal-backend)?"),
        (
            "data_providers",
            "sql",
            "no data provider named 'sql': none is installed; 'csv' is part of gm-csv-data (pip install gm-csv-data)",
        ),
        ("hooks", "board", "no hook plugin named 'board': none is installed"),
    ],
)
def test_an_unknown_name_gets_a_helpful_sentence(port, name, message, models, site, monkeypatch):
    monkeypatch.setattr("sys.path", [str(site)])
    with pytest.raises(UnknownNameError) as error:
        PluginRegistry("float32").registries[port][name]
    assert str(error.value) == message


def test_the_error_for_a_component_of_the_other_dtype_names_that_dtype(install):
    groups = {"gmcore.backends.float32": {"fast": "f:X"}, "gmcore.backends": {"any": "f:Y"}}
    install("gm-fast", entry_points=groups, modules={"f": "X, Y = 'X', 'Y'"})
    assert PluginRegistry("float32").backends.info("fast").dtype == "float32"
    exact = PluginRegistry("float64").backends
    assert "any" in exact
    with pytest.raises(
        UnknownNameError,
        match=r"^no float64 backend named 'fast': gm-fast 1\.0 provides it for float32 only \(available: 'any'",
    ):
        exact["fast"]


def test_an_entry_for_one_dtype_replaces_the_same_distributions_general_one(install):
    groups = {"gmcore.model_providers.float64": {"both": "g:Exact"}, "gmcore.model_providers": {"both": "g:Fast"}}
    install("gm-both", entry_points=groups, modules={"g": MODEL.format("Exact") + MODEL.format("Fast")})
    assert PluginRegistry("float32").model_providers["both"].__name__ == "Fast"
    assert PluginRegistry("float64").model_providers["both"].__name__ == "Exact"


def test_a_distribution_that_is_installed_later_is_found(models, install):
    assert "late" not in models
    install("gm-late", entry_points={"gmcore.model_providers": {"late": "late:X"}}, modules={"late": MODEL.format("X")})
    assert models["late"].__name__ == "X"


def test_registries_are_independent_of_each_other():
    one, other = PluginRegistry("float32"), PluginRegistry("float32")
    one.hooks.register("mine", Net)
    assert "mine" not in other.hooks


@pytest.mark.parametrize("source", ["class Other: pass", "raise RuntimeError('no licence')"], ids=["invalid", "broken"])
def test_a_plugin_that_can_not_be_used_takes_no_name_from_another(models, install, source):
    other = {"gmcore.model_providers": {"net": "unusable:Other"}}
    install("gm-unusable", entry_points=other, modules={"unusable": f"{source}\n"})
    assert "net" in models
    assert models["net"] is models["acme-models/net"]
    assert [info.distribution for info in models.check() if info.name == "net" and info.reason] == ["gm-unusable"]
