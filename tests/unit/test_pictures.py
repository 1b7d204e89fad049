"""Pictures of the documents: nothing runs out of its box, and they are true to the code."""

import importlib
import pathlib
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from typing import Any

import pytest

from magnum.domain import machine

_ROOT = pathlib.Path(__file__).parents[2]
# Sphinx finds its extensions the same way.
sys.path.insert(0, str(_ROOT / 'doc/ext'))
pictures: Any = importlib.import_module('magnum_pictures')

_FILES = sorted((_ROOT / 'doc/source/pictures').glob('*.yaml'))
#: Pixels of a page of 1,280 that the theme leaves to its text.
_WIDEST = 870


def _box_lines(box: Mapping[str, Any]) -> list[str]:
    text = box.get('text', [])
    return [text] if isinstance(text, str) else list(text)


def test_there_are_pictures() -> None:
    assert len(_FILES) >= 7


@pytest.mark.parametrize('file', _FILES, ids=lambda file: file.stem)
def test_a_picture_is_shown_on_a_page(file: pathlib.Path) -> None:
    pages = (_ROOT / 'doc/source').rglob('*.rst')
    assert any(f'/_static/pictures/{file.stem}.svg' in page.read_text() for page in pages)


@pytest.mark.parametrize('file', _FILES, ids=lambda file: file.stem)
def test_a_picture_is_well_formed_and_fits_the_page(file: pathlib.Path) -> None:
    picture = pictures.read(file)
    drawn = ElementTree.fromstring(pictures.svg(picture))  # noqa: S314 - our own
    assert int(drawn.attrib['width']) <= _WIDEST
    assert drawn[0].text == picture['title']


@pytest.mark.parametrize('file', _FILES, ids=lambda file: file.stem)
def test_texts_fit_into_their_boxes(file: pathlib.Path) -> None:
    picture = pictures.read(file)
    for name, box in picture['boxes'].items():
        width, height = (number * pictures.UNIT for number in box['size'])
        left, top = (number * pictures.UNIT for number in box['at'])
        lines = _box_lines(box)
        for number, line in enumerate(lines):
            assert pictures.text_width(line, number == 0) <= width, (name, line)
        assert len(lines) * pictures.LINE <= height, name
        assert left >= 0, name
        assert top >= 0, name
        assert left + width <= picture['size'][0] * pictures.UNIT, name
        assert top + height <= picture['size'][1] * pictures.UNIT, name


@pytest.mark.parametrize('file', _FILES, ids=lambda file: file.stem)
def test_boxes_do_not_overlap(file: pathlib.Path) -> None:
    boxes = [
        (name, box) for name, box in pictures.read(file)['boxes'].items()
        if box['kind'] not in ('area', 'line')
    ]
    for number, (name, one) in enumerate(boxes):
        for other_name, other in boxes[number + 1:]:
            apart = any(
                one['at'][axis] + one['size'][axis] <= other['at'][axis]
                or other['at'][axis] + other['size'][axis] <= one['at'][axis]
                for axis in (0, 1)
            )
            assert apart, (name, other_name)


def test_the_life_of_an_operation_is_that_of_the_machine() -> None:
    picture = pictures.read(_ROOT / 'doc/source/pictures/operation.yaml')
    drawn = set()
    for arrow in picture['arrows']:
        before, after = (arrow[end].partition('.')[0] for end in ('from', 'to'))
        for line in _box_lines(arrow):
            drawn |= {(before, after, name.strip()) for name in line.split(',')}
    moves = {
        (before or 'NEW', after, event.name)
        for event in machine.EVENTS
        for before, after in event.moves.items()
        if before != after
    }
    assert drawn == moves


def test_a_text_that_is_too_long_would_be_seen() -> None:
    assert pictures.text_width('x' * 40, bold=True) > 300
