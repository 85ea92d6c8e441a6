import pytest

from utils.runs.grid import grid, values_of


@pytest.mark.parametrize(
    ("name", "text", "values"),
    [
        ("seed", "0..3", [0, 1, 2, 3]),
        ("seed", "7..7", [7]),
        ("seed", "5", [5]),
        ("recipe", "muon,onecycle", ["muon", "onecycle"]),
        ("learning_rate", "0.1,1e-2,None", [0.1, 0.01, None]),
        ("mirror", "True,False", [True, False]),
        ("layer", "1,layer2*layer3", ["1", "layer2*layer3"]),  # a text stays one
    ],
)
def test_values(name, text, values):
    assert values_of(name, text) == values


def test_every_combination_has_a_folder_of_its_own():
    found = grid(["seed=0..1", "recipe=muon,onecycle"])
    assert found == {
        "seed=0_recipe=muon": {"seed": 0, "recipe": "muon"},
        "seed=0_recipe=onecycle": {"seed": 0, "recipe": "onecycle"},
        "seed=1_recipe=muon": {"seed": 1, "recipe": "muon"},
        "seed=1_recipe=onecycle": {"seed": 1, "recipe": "onecycle"},
    }
    assert list(grid(["network=my.nets:a,../x:b"])) == ["network=my.nets-a", "network=..-x-b"]


@pytest.mark.parametrize(
    ("axes", "said"),
    [
        (["seed"], "--grid seed: must be NAME=VALUES, as seed=0..4 or recipe=a,b"),
        (["seed="], "--grid seed=: must be NAME=VALUES"),
        (["=3"], "--grid =3: must be NAME=VALUES"),
        (["seed=3..1"], "--grid seed=3..1: lists no value, or one twice"),
        (["seed=1,1"], "--grid seed=1,1: lists no value, or one twice"),
        (["seed=1", "seed=2"], "--grid seed: given twice; list its values after one ="),
        (["layer=a*b,a?b"], "--grid: two runs would have one folder"),
        (["seed=0-4"], "--grid seed=0-4: a range has two dots, as seed=0..4"),
    ],
)
def test_a_grid_that_cannot_be_read(axes, said):
    with pytest.raises(ValueError, match="grid") as error:
        grid(axes)
    assert str(error.value).startswith(said)
