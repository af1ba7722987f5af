import gmcore


def test_the_list_says_who_brings_what(report):
    listed = {(one["port"], one["name"]): one for one in report("plugins", "list")["plugins"]}
    assert listed["model_providers", "mlp"]["distribution"] == "gm-mlp-model"
    assert listed["data_providers", "csv"]["version"] == gmcore.__version__
    assert listed["metric_computers", "accuracy"]["distribution"] == "gmcore"
    assert all(one["reason"] == "" for one in listed.values())


def test_info_has_each_option_with_type_default_and_meaning(report):
    (told,) = report("plugins", "info", "kfold")["plugins"]
    options = {option["name"]: option for option in told["options"]}
    assert options["n_splits"]["type"] == "int"
    assert options["n_splits"]["default"] == 5
    assert options["n_splits"]["description"].startswith("number of folds")
    assert told["description"].startswith("K-fold cross-validation")


def test_info_of_a_plugin_that_is_not_there_suggests_one(call):
    done = call("plugins", "info", "klfod")
    assert done.exit_code == 2
    assert "did you mean 'kfold'?" in done.stderr


def test_info_takes_the_long_name(report):
    assert report("plugins", "info", "gm-mlp-model/mlp") == report("plugins", "info", "mlp")


def test_people_read_options_as_a_run_file_spells_them(call):
    shown = call("plugins", "info", "mlp").stderr
    assert "hidden = [64, 32]" in shown
    assert 'activation = "relu"' in shown


def test_each_option_is_a_paragraph_indented_below_its_name(call):
    paragraph = """\
  ignore_time = false: bool
      whether rows with a time column are accepted, although models are then
      trained on rows later than those they are scored on.
"""
    assert paragraph in call("plugins", "info", "kfold").stderr


def test_an_option_that_must_be_given_says_so(report, call):
    (told,) = report("plugins", "info", "csv")["plugins"]
    assert [option["name"] for option in told["options"] if option["required"]] == ["path"]
    assert "path (required)" in call("plugins", "info", "csv").stderr
