"""Known causes of mistakes: in goes a scene, out comes the same with one of them planted in it.

An image has one at most. Without it, it is the scene that it was, so each can be repaired.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from utils.images import shapes
from utils.images.outlines import COSINE, ONE, PIXEL, SINE, SIZE, TURN, coverage, place
from utils.images.shapes import CLASSES, Item, Scene, colour_on, luma, ripples


def _dark(scene, rng):
    return replace(scene, colours=np.array([_colour(rng, scene, -1), scene.colours[1]]))


def _occluded(scene, rng):
    """A bar across the object, a little beside its middle."""
    angle, far, wide = rng.randint(TURN), scene.radius // 4, scene.radius * 2 // 5
    along, across = (
        np.array([COSINE[at % TURN], SINE[at % TURN]]) for at in (angle, angle + TURN // 4)
    )
    ends = (
        scene.centre
        + far * across // ONE
        + np.array([[-1], [1]]) * (2 * scene.radius * along // ONE)
    )
    step = wide * across // ONE
    loop = np.array([ends[0] - step, ends[0] + step, ends[1] + step, ends[1] - step])
    bar = Item(_colour(rng, scene, 1) + ripples(rng), coverage([loop]))
    return replace(scene, before=(*scene.before, bar))


def _with_rival(scene, rng):
    """An object of another class, where most room is."""
    name = CLASSES[(CLASSES.index(scene.name) + rng.randint(1, len(CLASSES))) % len(CLASSES)]
    centre = shapes.far_from(rng, scene.centre, scene.radius)
    loops = place(name, scene.radius, rng.randint(TURN), centre)
    rival = Item(_colour(rng, scene, 1) + ripples(rng), coverage(loops))
    return replace(scene, behind=(*scene.behind, rival))


def _tiny(scene, rng):
    return replace(scene, radius=scene.radius * 2 // 5)


def _blurred(scene, rng):
    return replace(scene, soft=3)


def _cut_off(scene, rng):
    """Half of it is beyond the nearest border."""
    centre, last = scene.centre.copy(), SIZE * PIXEL
    axis = int(np.abs(centre - last // 2).argmax())
    centre[axis] = 0 if centre[axis] < last // 2 else last
    return replace(scene, centre=centre)


def _mislabelled(scene, rng):
    """Another class is drawn."""
    name = CLASSES[(CLASSES.index(scene.name) + rng.randint(1, len(CLASSES))) % len(CLASSES)]
    return replace(scene, name=name)


def _colour(rng, scene, sign):
    return colour_on(rng, luma(scene.colours[1]), sign)


@dataclass(frozen=True)
class Cause:
    """How often it is planted, in percent, how, and what that is in words."""

    rate: int
    plant: Callable[[Scene, np.random.RandomState], Scene]
    words: str


WRONG_LABEL = "wrong label"
CAUSES = {
    "dark object": Cause(3, _dark, "darker than what lies behind it, where objects are lighter"),
    "occluder": Cause(2, _occluded, "a bar lies across the object"),
    "rival object": Cause(2, _with_rival, "an object of another class stands beside it"),
    "tiny object": Cause(2, _tiny, "two fifths of its size"),
    "blur": Cause(2, _blurred, "the whole image is blurred"),
    "cut off": Cause(2, _cut_off, "half of it lies beyond the border"),
    WRONG_LABEL: Cause(1, _mislabelled, "another class is drawn than the label says"),
}
# in which the object is not the only one of a class, or of another than its label
NOT_AS_LABELLED = ("rival object", WRONG_LABEL)


def cause_of(seed: tuple, index: int) -> str:
    """The cause in image number `index` of a seed, "" for none."""
    number = np.random.RandomState((*seed, index, 3)).randint(100)
    for name, cause in CAUSES.items():
        number -= cause.rate
        if number < 0:
            return name
    return ""


def planted(
    label: int, seed: tuple, index: int, cause: str | None = None, anew: bool = False
) -> Scene:
    """What image number `index` of a seed is made of, of the class `label`.

    With its own cause, or with another in its place; "" for none. `anew`, textures, lines
    and distractors around the object, and noise, are drawn once more.
    """
    cause = cause_of(seed, index) if cause is None else cause
    scene = shapes.scene(CLASSES[label], seed, index)
    if anew:
        rng = np.random.RandomState((*seed, index, 5))
        scene = replace(scene, **shapes.surroundings(rng, scene.colours[1], scene.centre))
    if not cause:
        return scene
    rng = np.random.RandomState((*seed, index, 4, list(CAUSES).index(cause)))
    return replace(CAUSES[cause].plant(scene, rng), cause=cause)


def render(labels, seed: tuple, at=None) -> tuple:
    """One image for each label (an index into CLASSES), or for those `at` indices alone: images (N,
    32, 32, 3) uint8, masks (N, 32, 32) bool, and {factor: (N,)}.
    """
    at = range(len(labels)) if at is None else at
    scenes = [planted(labels[index], seed, index) for index in at]
    factors = [scene.factors() for scene in scenes]
    return (
        np.stack([scene.image() for scene in scenes]),
        np.stack([scene.mask() for scene in scenes]),
        {name: np.array([one[name] for one in factors]) for name in factors[0]},
    )
