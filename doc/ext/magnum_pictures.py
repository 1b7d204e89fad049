"""Pictures of the documents: SVG made of the data in ``pictures/*.yaml``.

Before a build every picture is drawn into ``_static/pictures``, so pages show it
by ``.. figure:: /_static/pictures/<name>.svg``. Coordinates and sizes count in
units of 10 pixels. A picture has a white ground of its own, so that it can be
read on a dark page, too. Of each picture its file has:

``title``, ``text``
    what screen readers say.
``size``
    width and height.
``boxes``
    by name ``at`` (left, top), ``size``, ``text`` (lines, the first one bold) and
    ``kind``: ``area`` (drawn below all others; ``words`` says where its text stands:
    ``left`` or ``right`` on top, or at the ``bottom``), ``service``, ``store``,
    ``node``, ``cloud``, ``person``, ``choice``, ``good``, ``bad``, ``note`` (without a
    border), ``line`` (the life line of a sequence).
``arrows``
    ``from`` and ``to``: ``<box>.<side>``, or ``<box>.<side>@<part>`` for another
    place than the middle of the side; ``via``: points between them; ``text``, and
    ``at``, where it stands (left, middle of its height) if not on the longest part;
    ``style``: ``plain``, ``dashed`` or ``both`` (two heads).
"""

import html
import itertools
import pathlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import yaml
from sphinx.application import Sphinx

Picture = Mapping[str, Any]
Point = tuple[float, float]

UNIT: Final = 10
FONT: Final = 14
LINE: Final = 18
#: Fill, border, text.
COLOURS: Final[Mapping[str, tuple[str, str, str]]] = {
    'area': ('#f4f6fa', '#9aa5b8', '#44506a'),
    'service': ('#dbe9ff', '#2f62b5', '#10264d'),
    'store': ('#d9f2e3', '#2c7a4b', '#0d3a20'),
    'node': ('#ffeccf', '#b3700f', '#4a2c00'),
    'cloud': ('#e8e3f8', '#6a4fb3', '#2a1b57'),
    'person': ('#ffffff', '#44506a', '#1c2433'),
    'choice': ('#fff8d6', '#9c8412', '#3f3500'),
    'good': ('#d9f2e3', '#2c7a4b', '#0d3a20'),
    'bad': ('#fbdedb', '#b23b30', '#5a120b'),
    'note': ('none', 'none', '#44506a'),
    'line': ('#9aa5b8', '#9aa5b8', '#1c2433'),
}
ARROW: Final = '#44506a'
_SIDES: Final[Mapping[str, tuple[float, float]]] = {
    'left': (0, 0.5), 'right': (1, 0.5), 'top': (0.5, 0), 'bottom': (0.5, 1),
}


def read(file: pathlib.Path) -> Picture:
    """A picture's data."""
    found: Picture = yaml.safe_load(file.read_text())
    return found


def svg(picture: Picture) -> str:
    """The picture as a document of its own."""
    return '\n'.join([*_lines(picture), ''])


def text_width(line: str, bold: bool = False) -> float:
    """About how many pixels a line is wide, rather too many."""
    return len(line) * FONT * (0.56 if bold else 0.53)


def anchor(picture: Picture, place: str) -> Point:
    """Where an arrow begins or ends, in pixels.

    :raises KeyError: there is no such box or side.
    """
    name, _, rest = place.partition('.')
    side, _, part = rest.partition('@')
    across, down = _SIDES[side]
    if part:
        across, down = (float(part), down) if side in ('top', 'bottom') else (across, float(part))
    box = picture['boxes'][name]
    left, top = box['at']
    width, height = box['size']
    return (left + across * width) * UNIT, (top + down * height) * UNIT


def points(picture: Picture, arrow: Mapping[str, Any]) -> list[Point]:
    """An arrow's points, in pixels."""
    between = [(x * UNIT, y * UNIT) for x, y in arrow.get('via', ())]
    return [anchor(picture, arrow['from']), *between, anchor(picture, arrow['to'])]


def _lines(picture: Picture) -> Iterator[str]:
    width, height = (number * UNIT for number in picture['size'])
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        f'viewBox="0 0 {width} {height}" role="img" '
        f'font-family="Helvetica, Arial, \'DejaVu Sans\', sans-serif" font-size="{FONT}">'
    )
    yield f'<title>{_escaped(picture["title"])}</title>'
    yield f'<desc>{_escaped(" ".join(picture["text"].split()))}</desc>'
    yield (
        '<defs><marker id="head" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="7" '
        'markerHeight="7" orient="auto-start-reverse">'
        f'<path d="M0 0 L10 5 L0 10 z" fill="{ARROW}"/></marker></defs>'
    )
    yield f'<rect width="{width}" height="{height}" rx="8" fill="#ffffff"/>'
    boxes = picture['boxes'].values()
    for box in sorted(boxes, key=lambda box: box['kind'] not in ('area', 'line')):
        yield from _box(box)
    arrows = picture.get('arrows', ())
    for arrow in arrows:
        yield _arrow(picture, arrow)
    # Above all lines, so that none crosses words.
    for arrow in arrows:
        yield from _arrow_text(picture, arrow)
    yield '</svg>'


def _box(box: Mapping[str, Any]) -> Iterator[str]:
    fill, border, colour = COLOURS[box['kind']]
    left, top = (number * UNIT for number in box['at'])
    width, height = (number * UNIT for number in box['size'])
    radius = 16 if box['kind'] == 'choice' else 5
    dashes = ' stroke-dasharray="6 4"' if box['kind'] == 'area' else ''
    yield (
        f'<rect x="{left}" y="{top}" width="{width}" height="{height}" rx="{radius}" '
        f'fill="{fill}" stroke="{border}" stroke-width="1.5"{dashes}/>'
    )
    lines = _texts(box)
    first = top + (height - LINE * len(lines)) / 2
    x, place = left + width / 2, 'middle'
    if box['kind'] == 'area':
        first, x, place = top + 5, left + 10, 'start'
        if box.get('words') == 'right':
            x, place = left + width - 10, 'end'
        elif box.get('words') == 'bottom':
            first = top + height - LINE * len(lines) - 5
    elif box['kind'] == 'note':
        x, place = left, 'start'
    for number, line in enumerate(lines):
        weight = ' font-weight="bold"' if number == 0 and box['kind'] != 'note' else ''
        yield _text(line, x, first + LINE * number, place, f'fill="{colour}"{weight}')


def _arrow(picture: Picture, arrow: Mapping[str, Any]) -> str:
    style = arrow.get('style', 'plain')
    path = ' '.join(f'{x:g},{y:g}' for x, y in points(picture, arrow))
    dashes = ' stroke-dasharray="6 4"' if style == 'dashed' else ''
    start = ' marker-start="url(#head)"' if style == 'both' else ''
    return (
        f'<polyline points="{path}" fill="none" stroke="{ARROW}" stroke-width="1.6"'
        f'{dashes}{start} marker-end="url(#head)"/>'
    )


def _arrow_text(picture: Picture, arrow: Mapping[str, Any]) -> Iterator[str]:
    lines = _texts(arrow)
    if not lines:
        return
    if 'at' in arrow:
        x, y = (number * UNIT for number in arrow['at'])
        place = 'start'
    else:
        (x1, y1), (x2, y2) = _longest(points(picture, arrow))
        x, y, place = (x1 + x2) / 2, (y1 + y2) / 2, 'middle'
    first = y - LINE * len(lines) / 2
    width = max(map(text_width, lines))
    left = x - width / 2 if place == 'middle' else x - 3
    yield (
        f'<rect x="{left:g}" y="{first:g}" width="{width:g}" height="{LINE * len(lines)}" '
        'fill="#ffffff"/>'
    )
    for number, line in enumerate(lines):
        yield _text(line, x, first + LINE * number, place, 'fill="#1c2433" font-size="13"')


def _text(line: str, x: float, top: float, place: str, style: str) -> str:
    """One line of words.

    :param place: the part of it that is at ``x``.
    :param style: further attributes.
    """
    return (
        f'<text x="{x:g}" y="{top + 13:g}" text-anchor="{place}" {style}>{_escaped(line)}</text>'
    )


def _longest(path: Sequence[Point]) -> tuple[Point, Point]:
    def length(pair: tuple[Point, Point]) -> float:
        (x1, y1), (x2, y2) = pair
        return abs(x2 - x1) + abs(y2 - y1)

    return max(itertools.pairwise(path), key=length)


def _texts(thing: Mapping[str, Any]) -> list[str]:
    text = thing.get('text', [])
    return [text] if isinstance(text, str) else list(text)


def _escaped(text: str) -> str:
    return html.escape(text, quote=False)


def _draw_all(app: Sphinx) -> None:
    folder = pathlib.Path(app.srcdir)
    drawn = folder / '_static/pictures'
    drawn.mkdir(parents=True, exist_ok=True)
    for file in sorted((folder / 'pictures').glob('*.yaml')):
        target = drawn / f'{file.stem}.svg'
        text = svg(read(file))
        # Pages are read anew when what they show is newer.
        if not target.exists() or target.read_text() != text:
            target.write_text(text)


def setup(app: Sphinx) -> dict[str, Any]:
    """Draw before anything is read."""
    app.connect('builder-inited', _draw_all)
    return {'parallel_read_safe': True, 'parallel_write_safe': True}
