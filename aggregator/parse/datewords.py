"""Names of months, zones and parts of the day that dates in the wild are written with."""

from __future__ import annotations

#: Without dots and accents, in lower case; a longer word counts by any start of it that is no other month's.
_MONTH_NAMES = {
    1: "jan january januar janner janvier janv enero ene janeiro januari gennaio gen января янв",
    2: "feb february februar feber fevrier fevr fev febrero fevereiro februari febbraio февраля фев",
    3: "mar march marz maerz mrz mars marzo marco maart mrt марта мар",
    4: "apr april avril avr abril abr aprile апреля апр",
    5: "may mai mayo maio mei maj maggio mag мая май",
    6: "jun june juni juin junio junho giugno giu июня июн",
    7: "jul july juli juillet juil julio julho luglio lug июля июл",
    8: "aug august aout agosto ago augustus agu августа авг",
    9: "sep sept september septembre septiembre setembro set settembre сентября сен сент",
    10: "oct october oktober okt octobre octubre outubro out ottobre ott октября окт",
    11: "nov november novembre noviembre novembro ноября ноя нояб",
    12: "dec december dezember dez decembre diciembre dic dezembro dicembre декабря дек",
}
MONTHS = {name: month for month, names in _MONTH_NAMES.items() for name in names.split()}

#: Minutes east of UTC. CST is the American one (RFC 822); `dates` knows when it is China's.
ZONES = {
    "z": 0,
    "ut": 0,
    "utc": 0,
    "gmt": 0,
    "wet": 0,
    "west": 60,
    "bst": 60,
    "cet": 60,
    "mez": 60,
    "cest": 120,
    "mesz": 120,
    "eet": 120,
    "eest": 180,
    "msk": 180,
    "gst": 240,
    "pkt": 300,
    "ist": 330,
    "wib": 420,
    "ict": 420,
    "hkt": 480,
    "sgt": 480,
    "awst": 480,
    "pht": 480,
    "jst": 540,
    "kst": 540,
    "acst": 570,
    "aest": 600,
    "acdt": 630,
    "aedt": 660,
    "nzst": 720,
    "nzdt": 780,
    "nst": -210,
    "ndt": -150,
    "brt": -180,
    "art": -180,
    "ast": -240,
    "adt": -180,
    "est": -300,
    "edt": -240,
    "cst": -360,
    "cdt": -300,
    "mst": -420,
    "mdt": -360,
    "pst": -480,
    "pdt": -420,
    "akst": -540,
    "akdt": -480,
    "hst": -600,
}

MORNING = frozenset({"am", "a.m.", "上午", "凌晨", "早上", "早晨", "清晨", "午前", "오전"})
AFTERNOON = frozenset({"pm", "p.m.", "下午", "傍晚", "晚上", "晚间", "夜里", "午後", "오후"})
#: Noon is the afternoon from one o'clock on, and itself before.
NOON = frozenset({"中午"})
