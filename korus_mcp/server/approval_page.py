"""The page on which a person says yes or no to an order, as HTML; nothing is loaded from elsewhere.

All that others wrote is escaped text. Style and script are inline, under a nonce of their own for
each page. Without a script the page works as a form; with it, it says so when the server is gone.
"""

from collections.abc import Mapping
from datetime import timedelta
from html import escape
from typing import Final

from korus_mcp.answers.asked import Words, attached_told, doubts_of, facts_of, lines_of
from korus_mcp.booking.by_hand import Shown

_STYLE: Final = """
:root { color-scheme: light dark; font: 17px/1.5 system-ui, sans-serif }
body { margin: 0; display: grid; place-items: start center; padding: 5vh 1rem }
main { max-width: 36rem; width: 100%; overflow-wrap: anywhere }
h1 { font-size: 1.5rem; margin: 0 0 .5rem }
.world, .left { color: color-mix(in srgb, currentColor 75%, transparent) }
.doubt, .said { border-left: .3rem solid #c60; padding: .3rem .8rem; font-weight: 600 }
ul { padding-left: 1.2rem }
dt { font-weight: 600; margin-top: .5rem }
dd { margin: 0 }
pre { white-space: pre-wrap; font: inherit }
form { display: flex; flex-wrap: wrap; gap: .8rem; margin-top: 1.5rem }
button { font: inherit; padding: .6rem 1.4rem; border-radius: .5rem; border: 2px solid #05603a }
button[value=yes] { background: #05603a; color: #fff; font-weight: 600 }
button[value=no] { background: transparent; color: inherit; border-color: currentColor }
button:disabled { opacity: .4 }
button:focus-visible, a:focus-visible { outline: 3px solid #2b7de9; outline-offset: 2px }
"""
_SCRIPT: Final = """
const form = document.querySelector("form");
const at = location.pathname;
let silent = 0;
function gone() {
  form.querySelectorAll("button").forEach((each) => { each.disabled = true; });
  document.querySelector(".gone").hidden = false;
}
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = new URLSearchParams(new FormData(form));
  body.set("answer", event.submitter.value);
  form.querySelectorAll("button").forEach((each) => { each.disabled = true; });
  try {
    await fetch(at, { method: "POST", body, signal: AbortSignal.timeout(20000) });
    location.replace(at);
  } catch { gone(); }
});
async function look() {
  try {
    const signal = AbortSignal.timeout(5000);
    const answer = await fetch(at + "/state", { cache: "no-store", signal });
    const { state } = await answer.json();
    silent = 0;
    if (state !== "open") return location.replace(at);
  } catch {
    silent += 1;
    if (silent > 1) return gone();
  }
  setTimeout(look, 2000);
}
setTimeout(look, 2000);
const count = document.querySelector(".count");
const [minutes, seconds] = count.textContent.split(":").map(Number);
const end = performance.now() + (minutes * 60 + seconds) * 1000;
setInterval(() => {
  const left = Math.max(0, Math.round((end - performance.now()) / 1000));
  count.textContent = `${Math.floor(left / 60)}:${String(left % 60).padStart(2, "0")}`;
}, 1000);
"""


def question_page(shown: Shown, said: Words, *, left: timedelta, token: str, nonce: str) -> str:
    """The order, with yes and no."""
    world = said.worlds.get(shown.environment, shown.environment)
    doubts = "".join(f'<p class="doubt">{escape(each)}</p>' for each in doubts_of(shown, said))
    lines = "".join(f"<li>{escape(each)}</li>" for each in lines_of(shown, said))
    facts = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(fact)}</dd>" for name, fact in facts_of(shown, said)
    )
    attached = "".join(f"<p>{escape(each)}</p>" for each in attached_told(shown.attached, said))
    texts = "".join(f"<pre>{escape(each)}</pre>" for each in shown.terms)
    terms = f"<details><summary>{said.terms}</summary>{texts}</details>" if texts else ""
    seconds = max(0, int(left.total_seconds()))
    count = f'<b class="count">{seconds // 60}:{seconds % 60:02}</b>'
    body = (
        f'<p class="world">{escape(world)}</p>{doubts}<ul>{lines}</ul><dl>{facts}</dl>'
        f"{attached}{terms}<p>{escape(said.for_real)}</p>"
        f'<p class="left">{escape(said.left)} {count}</p>'
        f'<form method="post"><input type="hidden" name="token" value="{escape(token)}">'
        f'<button name="answer" value="yes">{escape(said.yes.format(shown.total))}</button>'
        f'<button name="answer" value="no">{escape(said.no)}</button></form>'
        f'<p class="said gone" role="alert" hidden>{escape(said.gone)}</p>'
        f'<script nonce="{nonce}">{_SCRIPT}</script>'
    )
    return _page(said, body, nonce)


def told_page(
    text: str, said: Words, *, nonce: str, command: str = "", link: tuple[str, str] | None = None
) -> str:
    """A page that only says something. `link`: an address of ours, and what it is called."""
    code = f"<p><code>{escape(command)}</code></p>" if command else ""
    more = f'<p><a href="{escape(link[0])}">{escape(link[1])}</a></p>' if link else ""
    return _page(said, f'<p class="said" role="status">{escape(text)}</p>{code}{more}', nonce)


def headers(nonce: str | None = None) -> Mapping[str, str]:
    """What a browser must hold to on this page, whose style and script have this nonce."""
    inline = f"style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; " if nonce else ""
    return {
        "Content-Security-Policy": (
            f"default-src 'none'; {inline}"
            "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
        ),
        "X-Frame-Options": "DENY",
        "X-Content-Type-Options": "nosniff",
        # Not "no-referrer": with that a browser does not say of which origin a form is.
        "Referrer-Policy": "same-origin",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def _page(said: Words, body: str, nonce: str) -> str:
    return (
        f'<!doctype html><html lang="{said.language}"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<title>{escape(said.question)}</title><style nonce="{nonce}">{_STYLE}</style></head>'
        f"<body><main><h1>{escape(said.question)}</h1>{body}</main></body></html>"
    )
