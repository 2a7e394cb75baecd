"""A column of controls: the rail of a tab, and anywhere else a few inputs are wanted."""

from .base import Widget


class Controls(Widget):
    """Sliders, buttons, choices and drawers, painted from one list.

    Value: `{"items": [item, ...]}`. Each item has a `kind`:

    - slider: name, label, note ("3.9 nats"), text (the value as words), min, max, step, value; optional bar (0..1, a
      thin bar under the label), asleep (a sentence: greyed and disabled, the sentence is shown). local: true sends
      nothing while it moves: its place bubbles through the page as an event "local" with the detail `{"name", "value",
      "held"}`, for widgets that compute in the browser; text is then left out, and names `{"0": "off"}` calls some
      values by a word
    - button: name, label, primary
    - choice: name, label, options [{value, label}], value (segments up to five options, else a list)
    - number: name, label, min, max, value; dice: true adds a button that draws a new value
    - toggle: name, label, value (bool), note
    - heading: label, note, action {name, label}
    - drawer: name, label, items (folded; scrolls by itself; left out: unchanged)
    - prompt: name, label, value (the text), placeholder, limit (characters at most); suggestions (phrases to complete
      from; left out: unchanged), chips [{label, text}] (what was understood; text: the prompt without it), notes
      [{text, fixes [{label, text}]}] (what was not, and the prompts that mend it)
    - writing: name, label, value (the text), placeholder, limit (characters at most); examples (texts to choose from)
    - text: label

    Emits `{"name": item name, "value": value}`: live while a slider moves, then once not live; a text that is typed
    once the keys rest, never live. Buttons send value null.
    """

    kind = "controls"
