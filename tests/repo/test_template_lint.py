"""Each rule of the template lint finds its fault and accepts good markup."""

import pytest

from tools.template_lint import buttons_by_hand, faults_of, import_faults

GOOD = """{# <script>alert(1)</script> in a comment is no fault #}
{% from "components/field.html" import field with context %}
<form method="post" action="{{ here }}" hx-post="{{ here }}" hx-target="#dialog" hx-swap="innerHTML">{{ csrf_input }}
{{ field(form.name) }}
</form>
<a href="{{ there }}"{% if current %} aria-current="page"{% endif %}{{ _hx(there) }} hx-target="#rows">All</a>
<form action="/devices/"><input name="q" hx-get="/devices/" hx-trigger="input delay:300ms" hx-target="#rows"></form>
<script src="{{ static('js/portal.js') }}" defer></script>
<a href="https://docs.example.com/">Documentation</a>
"""

BAD = {
    "<script>go()</script>": "inline script",
    "<style>p { color: red }</style>": "inline style",
    '<p style="color: red">': "inline style",
    '<button onclick="go()">': "inline handler, onclick",
    '<img src="https://cdn.example.com/x.png">': "another host",
    '<link rel="stylesheet" href="//cdn.example.com/x.css">': "another host",
    '<a href="javascript:go()">': "holds script",
    "{{ device.name|safe }}": "autoescaping",
    "{% autoescape false %}": "autoescaping",
    '<form method="post"><input name="x"></form>': "without {{ csrf_input }}",
    '<form method="POST" hx-post="/x"></form>': "without {{ csrf_input }}",
    '<form method="post">{{ csrf_input }}': "not closed",
    '<div hx-target="#rows"><a hx-get="/x">x</a></div>': "hx-target without hx-get",
    '<body hx-boost="true">': "hx-boost",
    '<body hx-headers="{}">': "hx-headers is not in the subset",
    '<button hx-delete="/x">': "hx-delete is not in the subset",
    '<a hx-get="/x" hx-on:click="go()">': "hx-on:click is not in the subset",
    '<a hx-get="/x" data-hx-ext="sse">': "hx-ext is not in the subset",
    '<a hx-get="/x" hx-swap="morph">': "hx-swap 'morph'",
    '<a hx-get="/x" hx-trigger="keyup[key==1]">': "a filter in hx-trigger",
    '<a hx-get="/x" hx-vals="js:{a: 1}">': "evaluated code",
    '{% macro _hx() %} hx-swap="beforeend"{% endmacro %}': "hx-swap 'beforeend'",
    "<p>\n" * 151: "split it",
    f"<p>{'x' * 118}": "121 characters, more than 120",
}


def test_good_markup_has_no_fault():
    assert faults_of(GOOD) == []


@pytest.mark.parametrize(("markup", "words"), BAD.items(), ids=range(len(BAD)))
def test_each_fault_is_found(markup, words):
    assert [what for _, what in faults_of(markup) if words in what]


def test_a_fault_has_its_line():
    assert faults_of("<p>\n{% if x %}\n{{ a\n}}<i style='x'>\n") == [(4, "inline style: put it into static/css")]


def test_a_macro_with_a_form_is_imported_with_context_at_any_depth():
    sources = {
        "dialog.html": "{% macro dialog() %}<form method='post'>{{ csrf_input }}</form>{% endmacro %}",
        "sheet.html": "{% from 'dialog.html' import dialog with context %}",
        "page.html": "\n{% import 'sheet.html' as sheet %}",
        "other.html": "{% from 'table.html' import th %}",
        "table.html": "{% macro th() %}<th>{% endmacro %}",
    }

    assert [(name, line) for name, line, _ in import_faults(sources)] == [("page.html", 2)]


def test_only_components_have_button_markup():
    by_hand = """<i>\n<a class="button small" href="/">x</a><button type='submit' class='wide button'>"""
    allowed = (
        """<summary class="button"></summary><button class="menu-item"></button><a class="icon-button" href="/">"""
    )

    assert [line for line, _what in buttons_by_hand("devices/page.html", by_hand)] == [2, 2]
    assert not list(buttons_by_hand("components/button.html", by_hand))
    assert not list(buttons_by_hand("devices/page.html", allowed))
