"""The words a prompt may use: for every attribute of a set its nouns, and for every value what people call it.

:mod:`models.prompts` reads these tables. "grey hair" is an adjective and a noun; "bald" stands alone; several
adjectives may share a noun ("short grey hair"). Words are written as they are compared: lower case, without accents,
hyphens or apostrophes, in British spelling (:data:`SPELLINGS` turns the others into it).

A word means the nearest thing that the set has, and the tables say which: "ginger hair" is the toons' copper,
a "moustache" is facial hair on the portraits, where stubble, moustaches and beards are one label.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Value:
    """What one value is called; all but the first field are lists with commas.

    Attributes:
        name: the phrase by which :func:`models.prompts.describe` calls it.
        adjectives: words that mean it beside one of the attribute's nouns.
        alone: whole phrases that mean it without a noun.
    """

    name: str
    adjectives: str = ""
    alone: str = ""


@dataclass(frozen=True)
class Attribute:
    """One attribute: the nouns it goes by (a list with commas, the first is the usual one) and its values."""

    nouns: str
    values: dict[str, Value]


@dataclass(frozen=True)
class Outside:
    """Things people ask for that a set cannot give: the reason, and the words (a list with commas).

    Attributes:
        reason: a sentence; ``{word}`` is the word as it was typed.
        words: single words or phrases.
        instead: phrases of the vocabulary that come near (a list with commas).
    """

    reason: str
    words: str
    instead: str = ""


PORTRAITS = {
    "smile": Attribute(
        "smile, grin",
        {
            "none": Value("not smiling", alone="no smile, serious, unsmiling, stern, solemn, sober, straight face, "
                          "serious face, neutral face, neutral expression, serious expression, serious look, poker "
                          "face"),
            "closed": Value("closed smile", "closed, slight, small, gentle, faint, subtle, soft, closed mouth",
                            "smirk, smirking, no teeth, without teeth, closed mouth, closed lips, mouth closed, "
                            "lips closed, smiling with closed lips, smiling with closed mouth, smile without teeth"),
            "teeth": Value("smile with teeth", "big, wide, broad, toothy, open, bright",
                           "smiling, smile, smiles, smiley, happy, cheerful, friendly, teeth, showing teeth, toothy, "
                           "smiling with teeth, grinning, grin, laughing, laugh, laughs, beaming, open mouth"),
        },
    ),
    "eyeglasses": Attribute(
        "glasses, eyeglasses",
        {
            "no": Value("no glasses", alone="no eyeglasses, no spectacles, no specs"),
            "yes": Value("glasses", "reading, round, thick, big, small, rimless",
                         "eyeglasses, spectacles, specs, bespectacled, eye glasses"),
        },
    ),
    "facial_hair": Attribute(
        "beard, facial hair, moustache",
        {
            "no": Value("no beard", alone="clean shaven, shaven, shaved, beardless, no facial hair, no moustache, "
                        "no stubble, smooth shaven"),
            "yes": Value("beard", "full, long, short, big, thick, trimmed, bushy",
                         "bearded, facial hair, moustache, moustached, stubble, stubbly, goatee, whiskers, unshaven"),
        },
    ),
    "hair_length": Attribute(
        "hair, haired, hair length",
        {
            "bald": Value("bald", alone="balding, bald head, bald headed, hairless, no hair, shaved head, shaven head"),
            "short": Value("short hair", "short, cropped, close cropped, short cut, very short", "short"),
            "medium": Value("medium hair", "medium, medium length, mid length, chin length, half long", "medium "
                                                            "length"),
            "long": Value("long hair", "long, very long, longish, shoulder length, flowing", "long"),
        },
    ),
    "hair_color": Attribute(
        "hair, haired, hair colour",
        {
            "dark": Value("dark hair", "dark, black, raven, jet black"),
            "brown": Value("brown hair", "brown, chestnut, light brown, dark brown, brunette", "brunette"),
            "blond": Value("blond hair", "blond, fair, golden, light, sandy, dark blond, light blond", "blond"),
            "grey": Value("grey hair", "grey, silver, greying, salt and pepper", "greying, salt and pepper"),
            "white": Value("white hair", "white, snow white, snowy"),
        },
    ),
    "apparent_age": Attribute(
        "age, apparent age",
        {
            "under 35": Value("aged under 35", alone="young, youthful, younger, young adult, twenties"),
            "35 to 49": Value("aged 35 to 49", alone="thirties, forties"),
            "50 to 64": Value("aged 50 to 64", alone="middle aged, middle age, mature, fifties"),
            "65 or more": Value("aged 65 or more", alone="old, older, elderly, senior, pensioner, retired, ageing, "
                                "sixties, seventies, eighties"),
        },
    ),
    "background": Attribute(
        "background, backdrop, bg, wall, behind, in front of",
        {
            "grey": Value("grey background", "grey, light grey, dark grey, neutral"),
            "blue": Value("blue background", "blue, light blue, dark blue, bluish"),
        },
    ),
    "turned": Attribute(
        "pose, head turn, gaze",
        {
            "left": Value("looking left", "left", "left, turned left, facing left, looking to the left, turned to the "
                                                  "left, "
                          "facing the left, head turned left, looks left, turning left"),
            "ahead": Value("looking ahead", "frontal, straight, ahead", "ahead, straight ahead, looking straight "
                                                            "ahead, "
                           "looking straight, facing ahead, facing forward, looking forward, frontal, front view, "
                           "not turned, facing the camera, looking at the camera, looking into the camera, en face"),
            "right": Value("looking right", "right", "right, turned right, facing right, looking to the right, "
                           "turned to the right, facing the right, head turned right, looks right, turning right"),
        },
    ),
}  # fmt: skip

TOONS = {
    "skin": Attribute(
        "skin, skinned, complexion, skin tone, skin colour",
        {
            "porcelain": Value("porcelain skin", "porcelain, pale, fair, white, very light, ivory", "pale"),
            "peach": Value("peach skin", "peach, peachy, light, rosy"),
            "olive": Value("olive skin", "olive, medium"),
            "tawny": Value("tawny skin", "tawny, tan, tanned, light brown", "tanned, suntanned"),
            "umber": Value("umber skin", "umber, brown, medium brown"),
            "cocoa": Value("cocoa skin", "cocoa, dark, dark brown, black, deep, very dark"),
        },
    ),
    "hair_style": Attribute(
        "hair, haired, hair style, hairstyle, haircut",
        {
            "side_combed": Value("side combed hair", "side combed, combed, neat, parted, side parted, sideswept, tidy",
                                 "side parting, side part, hair combed to the side, combed to the side"),
            "undercut": Value("undercut", "undercut, shaved sides", "undercut hair, shaved sides"),
            "spiky": Value("spiky hair", "spiky, spiked, wild, messy, punk", "spikes, punk"),
            "bun": Value("hair in a bun", "bun, tied up, pinned up, tied",
                         "bun, hair bun, a bun, updo, top knot, topknot, tied up hair, hair up, hair tied up"),
        },
    ),
    "hair_color": Attribute(
        "hair, haired, hair colour",
        {
            "black": Value("black hair", "black, dark, raven, jet black"),
            "brown": Value("brown hair", "brown, dark brown, brunette, chestnut", "brunette"),
            "blond": Value("blond hair", "blond, fair, golden, yellow", "blond"),
            "copper": Value("copper hair", "copper, ginger, red, orange, auburn", "ginger, redhead, redheaded, copper"),
            "silver": Value("silver hair", "silver, grey, white, greying", "greying"),
            "blue": Value("blue hair", "blue, electric blue"),
            "pink": Value("pink hair", "pink, magenta"),
        },
    ),
    "rear_hair": Attribute(
        "hair, haired, rear hair, hair length",
        {
            "none": Value("no rear hair", "short, cropped, very short", "short hair behind, no hair behind, no long "
                                                            "hair, "
                          "short at the back, hair short at the back, short"),
            "straight": Value("long straight hair", "straight, long, long straight, straight long, very long",
                              "straight rear hair, long"),
            "wavy": Value("long wavy hair", "wavy, long wavy, wavy long", "wavy rear hair, waves, wavy"),
            "shoulder": Value("shoulder length hair", "shoulder length, shoulder, shoulder high, medium, medium length",
                              "hair to the shoulders, hair down to the shoulders"),
            "neck": Value("neck length hair", "neck length, neck, neck high, chin length", "hair to the neck"),
        },
    ),
    "beard": Attribute(
        "beard, facial hair",
        {
            "none": Value("no beard", alone="clean shaven, shaven, shaved, beardless, no facial hair"),
            "moustache": Value("moustache", "moustache, twirled, handlebar",
                               "moustached, twirled moustache, handlebar moustache, just a moustache"),
            "full": Value("full beard", "full, short, trimmed, thick, big", "beard, bearded, facial hair"),
            "chin": Value("chin beard", "chin, tiny", "soul patch, chin tuft, tuft on the chin"),
            "goatee": Value("goatee", "goatee, van dyke", "goatee and moustache, moustache and chin beard, "
                            "moustache and goatee, chin moustache, van dyke"),
            "long": Value("long beard", "long, very long, wizard", "wizard"),
        },
    ),
    "eyes": Attribute(
        "eyes, eye, eyed",
        {
            "happy": Value("happy eyes", "happy, bright, open, normal, plain, round"),
            "wide": Value("wide eyes", "wide, wide open, big, large, surprised, staring", "surprised, astonished, "
                                                            "staring"),
            "bow": Value("closed eyes", "closed, bow, arched, laughing, smiling, shut, squinting", "bow eyes"),
            "humble": Value("lowered eyes", "lowered, humble, half closed, half shut, sleepy, tired, downcast, shy",
                            "sleepy, tired, humble, shy, looking down"),
            "wink": Value("winking", "winking", "wink, winks, one eye closed"),
        },
    ),
    "brows": Attribute(
        "brows, brow, eyebrows, eyebrow, browed",
        {
            "raised": Value("raised brows", "raised, high, lifted, surprised, up", "surprised, astonished"),
            "angry": Value("angry brows", "angry, frowning, furious, lowered, mad", "angry, furious, mad, cross"),
            "happy": Value("happy brows", "happy, soft", "happy, cheerful"),
            "sad": Value("sad brows", "sad, worried, unhappy", "sad, unhappy, worried"),
            "neutral": Value("neutral brows", "neutral, straight, normal, plain, flat"),
        },
    ),
    "mouth": Attribute(
        "mouth, lips, mouthed",
        {
            "laugh": Value("laughing", "laughing, laugh, open laughing", "laugh, laughs, laughing face, big laugh, "
                                                            "big smile, "
                           "grinning, grin, wide smile, broad smile, big grin, smile with teeth, toothy smile"),
            "angry": Value("angry mouth", "angry, furious, snarling, mad", "angry, furious, mad, snarling, cross"),
            "agape": Value("open mouth", "open, agape, round, gaping, surprised", "agape, gaping, surprised, "
                                                            "astonished, "
                           "mouth agape, singing"),
            "smile": Value("smiling", "smiling, smile, happy, closed", "smile, smiles, happy, cheerful, smirk, "
                                                            "smirking, "
                           "gentle smile, slight smile, small smile, closed smile, friendly"),
            "sad": Value("sad mouth", "sad, unhappy, frowning", "sad, unhappy, frown, pouting"),
        },
    ),
    "clothes_color": Attribute(
        "top, shirt, t shirt, tshirt, tee, tee shirt, clothes, clothing, sweater, jumper, pullover, outfit, wearing, "
        "dressed in, clothes colour",
        {
            "navy": Value("navy top", "navy, navy blue, dark blue, blue"),
            "red": Value("red top", "red, crimson, scarlet"),
            "green": Value("green top", "green, dark green"),
            "mustard": Value("mustard top", "mustard, yellow, gold, golden, orange"),
            "violet": Value("violet top", "violet, purple"),
            "white": Value("white top", "white, off white"),
            "charcoal": Value("charcoal top", "charcoal, black, dark grey, grey, dark"),
            "sky": Value("sky blue top", "sky, sky blue, light blue, pale blue, bright blue"),
        },
    ),
    "background": Attribute(
        "background, backdrop, bg, wall, behind, in front of",
        {
            "sky": Value("sky blue background", "sky, sky blue, light blue, pale blue, blue"),
            "mint": Value("mint background", "mint, mint green, light green, pale green, green"),
            "lemon": Value("lemon background", "lemon, yellow, light yellow, pale yellow"),
            "coral": Value("coral background", "coral, salmon, orange, red"),
            "lilac": Value("lilac background", "lilac, lavender, purple, light purple, violet"),
            "cream": Value("cream background", "cream, beige, ivory, off white, white"),
            "teal": Value("teal background", "teal, turquoise, blue green, cyan, dark green"),
        },
    ),
}  # fmt: skip

WORDS = {"portraits": PORTRAITS, "toons": TOONS}

# What a word says by default, and what else agrees with it: "smiling, closed lips" is no contradiction.
ALSO = {
    "portraits": {
        ("smile", "teeth"): ("closed", "smiling, smile, smiles, smiley, happy, cheerful, friendly"),
        ("apparent_age", "50 to 64"): ("35 to 49", "middle aged, middle age, mature"),
        ("hair_length", "long"): ("medium", "shoulder length, longish"),
    },
    "toons": {
        ("beard", "full"): ("chin, goatee, long, moustache", "beard, bearded, facial hair"),
        ("beard", "moustache"): ("goatee", "moustache"),
        ("rear_hair", "straight"): ("wavy", "long, very long"),
        ("mouth", "smile"): ("laugh", "smiling, smile, smiles, happy, cheerful, friendly"),
    },
}

# Values of two attributes that no picture of the set has together.
CLASHES = {"portraits": (("hair_length", "bald", "hair_color"),), "toons": ()}

GENDER = (
    "man, woman, men, women, male, female, boy, girl, guy, gentleman, lady, masculine, feminine, he, she, him, "
    "mister, madam, lad, nonbinary, transgender, grandfather, grandmother, grandpa, grandma, father, mother"
)
HEADWEAR = "hat, hats, cap, beanie, helmet, crown, turban, headscarf, hijab, hood, headband, wig, tiara, headphones"
ADORNED = (
    "earring, earrings, necklace, piercing, tattoo, tattoos, makeup, lipstick, freckles, scar, mask, scarf, jewellery, "
    "eyepatch, monocle, nose ring"
)
ELSEWHERE = (
    "cat, dog, animal, robot, horse, bird, car, house, tree, flower, flowers, dragon, unicorn, zombie, alien, hand, "
    "hands, "
    "body, legs, cigarette, pipe, monster, vampire, superhero, sun, moon, city, forest, beach"
)
NO_GENDER = Outside("This set has no label for gender, so “{word}” changes nothing.", GENDER)

OUTSIDE = {
    "portraits": (
        NO_GENDER,
        Outside(
            "This set has no label for skin or origin, so “{word}” changes nothing.",
            "asian, african, european, american, british, english, french, latino, latina, hispanic, indian, chinese, "
            "caucasian, arab, skin, skinned, complexion, pale, tanned, ethnicity, race",
        ),
        Outside(
            "Clothes are not labelled in this set: the model chooses them, whatever “{word}” asks for.",
            "clothes, suit, tie, shirt, top, jacket, dress, blouse, sweater, uniform, t shirt, collar, scarf, outfit",
        ),
        Outside("Eyes are not labelled in this set: “{word}” changes nothing.", "eyes, eye, eyed"),
        Outside(
            "Of moods this set labels the smile alone: “{word}” changes nothing.",
            "angry, sad, surprised, furious, crying, tired, unhappy, worried, scared, winking, mad, frowning, frown",
            instead="not smiling",
        ),
        Outside(
            "Hardly a picture of this set shows headwear, and none is labelled: no “{word}” here.", HEADWEAR
        ),
        Outside("Red hair is too rare in this set to be a label: no “{word}” here.",
                "ginger, redhead, redheaded, auburn, red hair, red haired, copper hair, ginger hair"),
        Outside("This set shows adults in office: no “{word}” here.", "child, children, baby, kid, teenager, teenage, "
                                                            "toddler, infant"),
        Outside("There is no label for “{word}” in this set.", f"{ADORNED}, beautiful, handsome, pretty, ugly, "
                                                            "attractive, fat, "
                "thin, slim, brows, eyebrows, nose, ears, hairstyle, curly, wavy, bun, ponytail, fringe"),
        Outside("This model was never shown sunglasses.", "sunglasses, shades", instead="glasses"),
        Outside("This model was shown faces only, never “{word}”.", ELSEWHERE),
    ),
    "toons": (
        NO_GENDER,
        Outside(
            "The drawings have no age, so “{word}” changes nothing.",
            "old, young, older, younger, elderly, middle aged, child, children, baby, kid, teenager, senior, age",
        ),
        Outside("No drawing of this set wears glasses: the model was never shown any.",
                "glasses, eyeglasses, spectacles, specs, sunglasses, shades, bespectacled"),
        Outside("Every drawing of this set has hair: the model was never shown a bald one.",
                "bald, balding, hairless, bald head, no hair", instead="no rear hair"),
        Outside("No hair of this set is curly.", "curly, curls, afro", instead="long wavy hair"),
        Outside("No drawing of this set has that hair: “{word}” was never shown.",
                "pigtails, ponytail, braids, plaits, dreadlocks, mohawk, fringe", instead="hair in a bun, spiky hair"),
        Outside("Every drawing looks ahead: “{word}” was never shown.",
                "left, right, profile, looking left, looking right, turned left, turned right"),
        Outside("All drawings wear a T-shirt: “{word}” was never shown.",
                "suit, tie, jacket, dress, blouse, coat, uniform, hoodie, collar"),
        Outside("No drawing of this set wears “{word}”: the model was never shown it.", f"{HEADWEAR}, {ADORNED}"),
        Outside("This model was shown drawings of heads only, never “{word}”.", ELSEWHERE),
    ),
}  # fmt: skip

SPELLINGS = {
    "gray": "grey", "graying": "greying", "color": "colour", "colored": "colour", "coloured": "colour",
    "colors": "colour",
    "blonde": "blond", "mustache": "moustache", "mustaches": "moustache", "moustaches": "moustache", "beards": "beard",
    "aging": "ageing", "spectacle": "spectacles", "jewelry": "jewellery", "mustached": "moustached",
    "colours": "colour", "hairs": "hair",
}  # fmt: skip

# Emoji that mean something; those that do not are named and left out.
EMOJI = {
    "😀😃😄😁😆😂🤣😊😸": "laughing", "🙂☺😌😏": "closed smile", "😐😑😶😒🧐": "serious", "👓🤓": "glasses",
    "🕶😎": "sunglasses",
    "🧔": "beard", "👴👵🧓": "old", "👱": "blond hair", "🦳": "white hair", "🦲": "bald", "🦰": "ginger hair",
    "🦱": "curly",
    "😉😜": "winking", "😠😡🤬": "angry", "😢😞🙁☹😭😟": "sad", "😮😲😯😱": "surprised", "😴😔🥱": "sleepy",
    "👨👩🧑👦👧♂♀": "man",
    "👶🧒": "child", "🎩🧢👒🎓👑": "hat", "🏻": "porcelain skin", "🏼": "peach skin", "🏽": "olive skin",
    "🏾": "umber skin",
    "🏿": "cocoa skin", "🟦🔵": "blue background",
}  # fmt: skip

COLOURS = "red orange yellow green blue purple violet pink black white brown grey gold silver turquoise cyan magenta"

# Nouns of the tables that say nothing by themselves and wait for the word after them.
WEAK = ("wearing", "dressed in", "behind", "in front of", "wall")

STOP = (
    "a an the of with and his her their its my person people human face faces head portrait portraits picture photo "
    "photograph image drawing cartoon toon avatar someone somebody who whose has have having had is are be being "
    "wearing wears wear looks look looking very really quite rather some any kind kinds type sort pair please make me "
    "draw "
    "show showing create generate give i want would like to in on at by from for as style styled that this it they "
    "them too also both just bit slightly little all so then plus years year set made colour one but and nor or aged "
    "about "
    "around over under between than least"
)
NEGATIONS = "no not without never non isnt arent doesnt dont hasnt havent lacking minus sans"
