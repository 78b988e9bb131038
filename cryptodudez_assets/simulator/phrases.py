"""What the tweets say: a small grammar per topic. Everything here is made up, down to the last rocket."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True)
class Topic:
    """Something to tweet about: how often, in which years, in which sentences and language."""

    weight: float
    since: int
    sentences: tuple[str, ...]
    language: str = "en"
    until: int | None = None


TOPICS: Mapping[str, Topic] = {
    "tesla": Topic(
        24,
        2010,
        (
            "{Car} production {went} this {period}. {Thanks} to the whole team!",
            "New {Car} software adds {feature} &amp; {feature}",
            "The {Car} {part} is made in one piece, which saves {number} kg, time &amp; money",
            'Some say the {Car} is "{opinion}". The {part} disagrees.',
            "Range of {Car} is now &gt;{number} miles, even with {feature} on",
            "Visited the factory at {hour} am. Morale is {opinion}, coffee is not.",
        ),
    ),
    "spacex": Topic(
        18,
        2010,
        (
            "{Rocket} static fire {went}. Launch no earlier than {period}'s end.",
            "{Rocket} landed on the ship, {number} meters from the center. {Thanks}!",
            "Targeting {number} flights of {Rocket} per year, cost &lt; {number} per kg to orbit",
            "Engine {part} looks {opinion} after the test #launchday",
            "Mars needs {feature}, {feature} and a lot of patience",
        ),
    ),
    "bitcoin": Topic(
        1.2,
        2013,
        (
            "Bitcoin is {opinion}",
            "Paper money or bitcoin? Asking for a {friend}",
            "Mining bitcoin with {number}% sunlight would be {opinion}",
            "I still own {number} bitcoin-themed socks $BTC",
        ),
    ),
    "ethereum": Topic(
        0.5,
        2016,
        ("Ethereum {went} this {period}", "What would you build on Ethereum? {feature}?", "$ETH is {opinion}"),
    ),
    "doge": Topic(
        0.8,
        2019,
        (
            "Dogecoin is {opinion}. Much {feature}.",
            "A {friend} asked me to explain dogecoin. Still explaining.",
            "One dogecoin = one dogecoin 🐕",
            "Dogecoin to the moon, literally, on {Rocket}",
        ),
    ),
    "neuralink": Topic(
        1.5,
        2017,
        ("Neuralink {part} v{hour} {went}", "Neuralink demo this {period}: {opinion}, if the {friend} cooperates"),
    ),
    "memes": Topic(
        8,
        2012,
        (
            "My {friend} is {opinion} 🤣🤣",
            "Why is it called a {part} when it is obviously {opinion}?",
            "Technically, {feature} is just {feature} with better marketing",
        ),
    ),
    # The scraper of 2021 and later has no line breaks.
    "poems": Topic(
        3, 2012, ("{number} tabs open.\nNo regrets.", "{Thanks}, {friend}\n\nYou were {opinion}"), until=2020
    ),
    "chatter": Topic(
        30,
        2010,
        (
            "Yes",
            "True",
            "Exactly. It is {opinion}.",
            "Not yet, but {period} is realistic",
            "{Thanks}!",
            "Good point, will fix the {part}",
            "That would be {opinion}, but {feature} comes first",
            "We tried {number} versions, this one is {opinion}",
        ),
    ),
    "emoji": Topic(7, 2016, ("🤣", "🔥🔥", "💯", "🚀🌕", "❤️ &lt;3"), language="und"),
    "german": Topic(
        1, 2014, ("Danke, {friend}! Größe zählt nicht, Qualität schon.", "Schönes Wetter in Brandenburg 🌤"), "de"
    ),
    "russian": Topic(0.4, 2016, ("Спасибо, это очень красиво", "Ракета готова?"), "ru"),
    "japanese": Topic(0.4, 2016, ("ありがとう、{Rocket}", "ロケットは美しい"), "ja"),
}

_WORDS: Mapping[str, tuple[str, ...]] = {
    "Car": ("Tesla Roadster", "Tesla Model 3", "Tesla Model S", "Tesla Semi", "Tesla wagon"),
    "Rocket": ("Falcon", "Starship", "the booster", "Dragon"),
    "Thanks": ("Thanks", "Many thanks", "Congrats", "Well done"),
    "went": ("went well", "doubled", "slipped a bit", "exceeded expectations", "was better than feared"),
    "period": ("week", "month", "quarter", "summer", "year"),
    "feature": ("heated doors", "better maps", "karaoke", "night mode", "a quieter fan", "self-parking", "solar glass"),
    "part": ("gearbox", "heat shield", "battery pack", "roof", "valve", "cooling loop", "implant"),
    "opinion": ("great", "underrated", "hard, but fun", "very weird", "inevitable", "{adverb} good", "{adverb} silly"),
    "adverb": ("surprisingly", "almost", "absurdly", "provably"),
    "friend": ("friend", "cat", "robot", "neighbor", "penguin"),
    "number": ("3", "7", "12", "42", "90", "110", "250", "300", "420"),
    "hour": ("1", "2", "3", "4"),
}
_SLOT = re.compile(r"\{(\w+)\}")


def pick_topic(rng: Random, year: int) -> Topic:
    """One of the topics that exist in the year."""
    known = [topic for topic in TOPICS.values() if topic.since <= year <= (topic.until or year)]
    return rng.choices(known, weights=[topic.weight for topic in known])[0]


def say(rng: Random, topic: Topic) -> str:
    """A sentence on the topic."""
    return _filled(rng, rng.choice(topic.sentences))


def _filled(rng: Random, sentence: str) -> str:
    return _SLOT.sub(lambda slot: _filled(rng, rng.choice(_WORDS[slot[1]])), sentence)
