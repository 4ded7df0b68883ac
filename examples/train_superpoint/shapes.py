# SPDX-License-Identifier: MIT
"""Synthetic shapes whose corners are known exactly (SuperPoint, section 4): lines, polygons, stars, stripes, checkerboards,
cubes, ellipses and plain noise, drawn at four times the size, blurred, and made small. Points are (x, y), pixel centres at
whole numbers."""
import cv2
import numpy as np

H, W, OVER = 120, 160, 4


def _canvas(rng):
    """A background of a few soft blobs."""
    base = rng.uniform(20, 235)
    im = np.full((H * OVER, W * OVER), base, np.float32)
    for _ in range(rng.integers(0, 25)):
        at = (int(rng.integers(0, W * OVER)), int(rng.integers(0, H * OVER)))
        cv2.circle(im, at, int(rng.integers(10, 120)), float(np.clip(base + rng.normal(0, 35), 0, 255)), -1)
    k = int(rng.integers(30, 90)) * 2 + 1
    return cv2.blur(im, (k, k))


def _colour(rng, im, at=None):
    """Well apart from what is there."""
    behind = float(im.mean() if at is None else im[int(np.clip(at[1], 0, im.shape[0] - 1)), int(np.clip(at[0], 0, im.shape[1] - 1))])
    apart = rng.uniform(25, 200) * rng.choice((-1, 1))
    c = behind + apart
    return float(np.clip(c if 0 <= c <= 255 else behind - apart, 0, 255))


def _fill(im, polygon, colour):
    cv2.fillPoly(im, [np.round(np.asarray(polygon) * 16).astype(np.int32)], colour, cv2.LINE_AA, 4)


def _lines(rng, im):
    points = []
    for _ in range(rng.integers(1, 9)):
        a, b = rng.uniform((0, 0), (W * OVER, H * OVER), (2, 2))
        if np.hypot(*(a - b)) < 40 or any(_near(a, b, *s) for s in points):
            continue
        cv2.line(im, tuple(np.int32(a)), tuple(np.int32(b)), _colour(rng, im, a), int(rng.integers(3, 14)), cv2.LINE_AA)
        points.append((np.int32(a), np.int32(b)))
    return np.reshape(points, (-1, 2)).astype(float)


def _near(a, b, c, d):
    """Whether two segments cross or nearly touch: then the crossing would be a corner that nobody knows of."""
    t = np.linspace(0, 1, 24)[:, None]
    p, q = a + t * (b - a), c + t * (d - c)
    return np.min(np.linalg.norm(p[:, None] - q[None], axis=2)) < 24


def _ring(rng, corners, centre, r):
    angles = np.sort(rng.uniform(0, 2 * np.pi, corners))
    radius = r * rng.uniform(0.55, 1.0, corners)
    return centre + np.stack((np.cos(angles), np.sin(angles)), 1) * radius[:, None]


def _sharp(polygon, least=0.35):
    """Corners that turn enough to be seen."""
    p = np.asarray(polygon)
    u, v = p - np.roll(p, 1, 0), np.roll(p, -1, 0) - p
    turn = np.abs(np.arctan2(u[:, 0] * v[:, 1] - u[:, 1] * v[:, 0], (u * v).sum(1)))
    return p[(turn > least) & (np.hypot(*u.T) > 16) & (np.hypot(*v.T) > 16)]


def _polygons(rng, im):
    points, taken = [], []
    for _ in range(rng.integers(1, 8)):
        r, centre = rng.uniform(30, 160), rng.uniform((0, 0), (W * OVER, H * OVER))
        if any(np.hypot(*(centre - c)) < r + s + 8 for c, s in taken):
            continue
        taken.append((centre, r))
        polygon = _ring(rng, rng.integers(3, 7), centre, r)
        _fill(im, polygon, _colour(rng, im, centre))
        points.append(_sharp(polygon))
    return np.concatenate(points) if points else np.zeros((0, 2))


def _star(rng, im):
    centre = rng.uniform((120, 100), (W * OVER - 120, H * OVER - 100))
    ends = _ring(rng, rng.integers(3, 8), centre, rng.uniform(80, 260))
    for e in ends:
        cv2.line(im, tuple(np.int32(centre)), tuple(np.int32(e)), _colour(rng, im, centre), int(rng.integers(4, 14)), cv2.LINE_AA)
    return np.concatenate((ends, centre[None]))


def _plane(rng, corners):
    """A perspective view of the rectangle 0 … 1: a function of points."""
    target = np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]) * (W * OVER, H * OVER) * rng.uniform(0.6, 1.3)
    a, c = rng.uniform(-0.8, 0.8), np.float32([W, H]) * OVER / 2
    turn = np.float32([[np.cos(a), -np.sin(a)], [np.sin(a), np.cos(a)]])
    target = (target - target.mean(0)) @ turn.T + c + rng.normal(0, 55, (4, 2))
    m = cv2.getPerspectiveTransform(np.float32([[0, 0], [1, 0], [1, 1], [0, 1]]), np.float32(target))
    return cv2.perspectiveTransform(np.float32(corners).reshape(-1, 1, 2), m).reshape(np.shape(corners))


def _checkerboard(rng, im):
    rows, cols = rng.integers(3, 8), rng.integers(3, 8)
    y, x = np.meshgrid(np.linspace(0, 1, rows + 1), np.linspace(0, 1, cols + 1), indexing="ij")
    grid = _plane(rng, np.stack((x, y), -1).reshape(-1, 2)).reshape(rows + 1, cols + 1, 2)
    dark, light = rng.uniform(0, 110), rng.uniform(140, 255)
    for i in range(rows):
        for j in range(cols):
            shade = (dark if (i + j) % 2 else light) + rng.normal(0, 8)
            _fill(im, [grid[i, j], grid[i, j + 1], grid[i + 1, j + 1], grid[i + 1, j]], float(np.clip(shade, 0, 255)))
    return grid.reshape(-1, 2)


def _stripes(rng, im):
    n = rng.integers(3, 9)
    cuts = np.concatenate(([0], np.sort(rng.uniform(0.06, 0.94, n - 1)), [1]))
    cuts = cuts[np.concatenate(([True], np.diff(cuts) > 0.05))]
    edge = _plane(rng, np.concatenate((np.stack((cuts, 0 * cuts), 1), np.stack((cuts, 0 * cuts + 1), 1))))
    top, bottom = edge[:len(cuts)], edge[len(cuts):]
    last = _colour(rng, im)
    for i in range(len(cuts) - 1):
        shade = last + rng.uniform(30, 120) * rng.choice((-1, 1))
        last = float(np.clip(shade, 0, 255))
        _fill(im, [top[i], top[i + 1], bottom[i + 1], bottom[i]], last)
    return edge


def _cube(rng, im):
    s = rng.uniform(60, 190, 3)
    v = np.array([[x, y, z] for x in (0, 1) for y in (0, 1) for z in (0, 1)], float) * s - s / 2
    r = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    v = v @ r.T
    p = v[:, :2] * 600 / (600 + v[:, 2:]) + rng.uniform((170, 130), (W * OVER - 170, H * OVER - 130))
    hidden = int(np.argmax(v[:, 2]))
    faces = [(0, 1, 3, 2), (4, 5, 7, 6), (0, 1, 5, 4), (2, 3, 7, 6), (0, 2, 6, 4), (1, 3, 7, 5)]
    shade = _colour(rng, im)
    for f in faces:
        if hidden not in f:
            _fill(im, p[list(f)], float(np.clip(shade + rng.uniform(15, 60) * rng.choice((-1, 1)), 0, 255)))
    return np.delete(p, hidden, 0)


def _ellipses(rng, im):
    for _ in range(rng.integers(2, 12)):
        at = tuple(int(v) for v in rng.uniform((0, 0), (W * OVER, H * OVER)))
        axes = tuple(int(v) for v in rng.uniform(15, 110, 2))
        cv2.ellipse(im, at, axes, rng.uniform(0, 180), 0, 360, _colour(rng, im, at), -1, cv2.LINE_AA)
    return np.zeros((0, 2))


def _noise(rng, im):
    im[:] = cv2.resize(rng.uniform(0, 255, (H, W)).astype(np.float32), (W * OVER, H * OVER), interpolation=cv2.INTER_NEAREST)
    return np.zeros((0, 2))


KINDS = (_lines, _polygons, _polygons, _star, _checkerboard, _checkerboard, _stripes, _cube, _cube, _ellipses, _noise)


def draw(rng):
    """One picture (H, W) of floats 0 … 255 and its points (n, 2) inside of it."""
    im = _canvas(rng)
    kind = KINDS[rng.integers(0, len(KINDS))]
    points = kind(rng, im)
    k = int(rng.integers(1, 5)) * 2 + 1
    im = cv2.resize(cv2.GaussianBlur(im, (k, k), 0), (W, H), interpolation=cv2.INTER_AREA)
    points = (points + 0.5) / OVER - 0.5
    inside = (points >= 0).all(1) & (points[:, 0] <= W - 1) & (points[:, 1] <= H - 1)
    return np.clip(im, 0, 255), points[inside]
