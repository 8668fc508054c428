"""Numbers that describe a latent space, each a pure function of encodings.

None changes when the space is rotated or reflected, nor (all but alignment and uniformity, which
look at directions) when it is shifted; none changes when it is scaled. Networks of unlike spaces
can therefore be compared.

References: silhouette: Rousseeuw, 1987. Alignment and uniformity: Wang and Isola, 2020, whose
positive pairs are here two points of one class.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.spatial.distance import cdist, pdist

Floats = NDArray[np.float64]


def silhouette(encodings: ArrayLike, classes: ArrayLike) -> float | None:
    """Mean of (b − a) / max(a, b) over the points, from −1 to 1: 1 for classes far apart.

    a is a point's mean distance to the others of its class, b to those of the nearest other class.
    A point alone in its class counts 0, and so does one with a = b = 0. None for a single class.

    Args:
        encodings: of shape `(n, size)`.
        classes: of shape `(n,)`.
    """
    labels = np.asarray(classes)
    names, sizes = np.unique(labels, return_counts=True)
    if len(names) < 2:
        return None
    points = np.asarray(encodings, dtype=np.float64)
    distances = cdist(points, points)
    sums = np.stack([distances[:, labels == name].sum(axis=1) for name in names], axis=1)
    own = labels[:, None] == names
    inside = (sums * own).sum(axis=1) / np.maximum((sizes * own).sum(axis=1) - 1, 1)
    outside = np.where(own, np.inf, sums / sizes).min(axis=1)
    larger = np.maximum(inside, outside)
    alone = (sizes * own).sum(axis=1) == 1
    values = np.divide(outside - inside, larger, out=np.zeros_like(larger), where=larger > 0)
    return float(np.where(alone, 0.0, values).mean())


def alignment(encodings: ArrayLike, classes: ArrayLike) -> float | None:
    """Mean squared distance of two points of one class on the unit sphere; 0 is perfect, at most 4.

    None if no class has two points. Arguments as for `silhouette`.
    """
    labels = np.asarray(classes)
    squared = pdist(_directions(encodings), "sqeuclidean")
    alike = pdist(np.unique(labels, return_inverse=True)[1][:, None].astype(float)) == 0
    return float(squared[alike].mean()) if alike.any() else None


def uniformity(encodings: ArrayLike) -> float | None:
    """log of the mean of exp(−2 d²) over pairs of points on the unit sphere: from −8 to 0.

    Lower is more evenly spread; 0 means that all directions coincide. None for a single point.

    Args:
        encodings: of shape `(n, size)`.
    """
    squared = pdist(_directions(encodings), "sqeuclidean")
    return float(np.log(np.mean(np.exp(-2 * squared)))) if len(squared) else None


def nonlinearity(
    first: ArrayLike, second: ArrayLike, mixing_coefficients: ArrayLike, found: ArrayLike
) -> float | None:
    """Return how far mixtures lie from the line between their parents, on the parents' scale.

    The root mean square of ‖f(λ) − λ f(1) − (1−λ) f(0)‖ over that of ‖f(1) − f(0)‖: 0 for a map
    that is linear along every segment. Pooling before dividing keeps pairs of parents that nearly
    coincide from deciding. None if all do.

    Args:
        first, second: outputs at the parents, at λ = 1 and at λ = 0, of shape `(m, size)` each.
        mixing_coefficients: λ, of shape `(m,)`.
        found: outputs at the mixtures, of shape `(m, size)`.
    """
    one, zero, there = (np.asarray(values, dtype=np.float64) for values in (first, second, found))
    share = np.asarray(mixing_coefficients, dtype=np.float64)[:, None]
    scale = float(np.square(one - zero).sum(axis=1).mean())
    if scale == 0:
        return None
    deviation = np.square(there - share * one - (1 - share) * zero).sum(axis=1).mean()
    return float(np.sqrt(deviation / scale))


def parent_distance(first: ArrayLike, second: ArrayLike, found: ArrayLike) -> float | None:
    """Mean distance of a mixture to the nearer parent, over the parents' mean distance.

    On a straight line it is the mean of min(λ, 1−λ). None if all parents coincide. Arguments as for
    `nonlinearity`.
    """
    one, zero, there = (np.asarray(values, dtype=np.float64) for values in (first, second, found))
    scale = float(_norms(one - zero).mean())
    if scale == 0:
        return None
    return float(np.minimum(_norms(there - one), _norms(there - zero)).mean()) / scale


def manifold_distance(points: ArrayLike, found: ArrayLike) -> float | None:
    """Mean distance of a mixture to the nearest point, over that of a point to its nearest other.

    1 if mixtures lie as close to the points as these lie to one another; larger the farther they
    lie from where the points are. None if every point coincides with another, or is alone.

    Args:
        points: encodings of the points, of shape `(n, size)`.
        found: of the mixtures, of shape `(m, size)`.
    """
    known = np.asarray(points, dtype=np.float64)
    between = cdist(known, known)
    np.fill_diagonal(between, np.inf)
    scale = float(between.min(axis=1).mean())
    if not 0 < scale < np.inf:
        return None
    return float(cdist(np.asarray(found, dtype=np.float64), known).min(axis=1).mean()) / scale


def _directions(encodings: ArrayLike) -> Floats:
    """Encodings scaled to length 1; one of length 0 stays."""
    points = np.asarray(encodings, dtype=np.float64)
    norms = _norms(points)[:, None]
    return np.divide(points, norms, out=np.zeros_like(points), where=norms > 0)


def _norms(vectors: Floats) -> Floats:
    norms: Floats = np.linalg.norm(vectors, axis=1)
    return norms
