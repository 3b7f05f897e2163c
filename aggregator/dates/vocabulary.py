"""The words that dates are written with: names of months in some forty languages, zones, parts of the day.

For the names of months, `MONTHS` has the words that nearly all feeds use; `month_of` knows all others: names and their
short forms, also cut to three and four letters where the language has no other such name, without accents and in lower
case. A test compares them with the CLDR of babel, which is no dependency of the program: it is large, and slow to load.
"""

from __future__ import annotations

from functools import cache

#: Languages by the number of people who read them; names of the months from January on, several parted by blanks.
_NAMES = (
    (
        "en",
        "january janu jan|february febr feb|march marc mar|april apri apr|may|june jun|july jul|august augu "
        "aug|september sept sep|october octo oct|november nove nov|december dece dec",
    ),
    (
        "es",
        "enero ener ene|febrero febr feb|marzo marz mar|abril abri abr|mayo may|junio juni jun|julio juli "
        "jul|agosto agos ago|septiembre sept sep|octubre octu oct|noviembre novi nov|diciembre dici dic",
    ),
    (
        "pt",
        "janeiro jane jan|fevereiro feve fev|marco marc mar|abril abri abr|maio mai|junho junh jun|julho julh "
        "jul|agosto agos ago|setembro sete set|outubro outu out|novembro nove nov|dezembro deze dez",
    ),
    (
        "ru",
        "январь января янва янв|февраль февраля февр фев|марта март мар|апрель апреля апре апр|маи мая|июнь июня "
        "июн|июль июля июл|августа август авгу авг|сентябрь сентября сент сен|октябрь октября октя окт|ноябрь "
        "ноября нояб ноя|декабрь декабря дека дек",
    ),
    (
        "fr",
        "janvier janv jan|fevrier fevr fev|mars mar|avril avri avr|mai|juin|juillet juil|aout aou|septembre sept "
        "sep|octobre octo oct|novembre nove nov|decembre dece dec",
    ),
    (
        "de",
        "januar janu jan|februar febr feb|marz mar|april apri apr|mai|juni jun|juli jul|august augu "
        "aug|september sept sep|oktober okto okt|november nove nov|dezember deze dez",
    ),
    (
        "id",
        "januari janu jan|februari febr feb|maret mare mar|april apri apr|mei|juni jun|juli jul|agustus agus "
        "agu|september sept sep|oktober okto okt|november nove nov|desember dese des",
    ),
    (
        "tr",
        "ocak oca|subat suba sub|mart mar|nisan nisa nis|mayıs mayı may|haziran hazi haz|temmuz temm tem|agustos "
        "agus agu|eylul eylu eyl|ekim eki|kasım kası kas|aralık aral ara",
    ),
    (
        "it",
        "gennaio genn gen|febbraio febb feb|marzo marz mar|aprile apri apr|maggio magg mag|giugno giug "
        "giu|luglio lugl lug|agosto agos ago|settembre sett set|ottobre otto ott|novembre nove nov|dicembre dice "
        "dic",
    ),
    (
        "pl",
        "stycznia styczen styc sty|lutego lute luty lut|marzec marca marc marz mar|kwiecien kwietnia kwie "
        "kwi|maja maj|czerwiec czerwca czer cze|lipiec lipca lipc lipi lip|sierpien sierpnia sier sie|wrzesien "
        "wrzesnia wrze wrz|pazdziernika pazdziernik pazd paz|listopada listopad list lis|grudzien grudnia grud "
        "gru",
    ),
    (
        "uk",
        "січень січня січе січн січ|лютого лютии люти люто лют|березень березня бере бер|квітень квітня квіт "
        "кві|травень травня трав тра|червень червня черв чер|липень липня липе липн лип|серпень серпня серп "
        "сер|вересень вересня вере вер|жовтень жовтня жовт жов|листопада листопад лист лис|грудень грудня груд "
        "гру",
    ),
    (
        "nl",
        "januari janu jan|februari febr feb|maart maar maa mrt|april apri apr|mei|juni jun|juli jul|augustus "
        "augu aug|september sept sep|oktober okto okt|november nove nov|december dece dec",
    ),
    (
        "ro",
        "ianuarie ianu ian|februarie febr feb|martie mart mar|aprilie apri apr|mai|iunie iuni iun|iulie iuli "
        "iul|august augu aug|septembrie sept sep|octombrie octo oct|noiembrie noie noi nov|decembrie dece dec",
    ),
    (
        "az",
        "yanvar yanv yan|fevral fevr fev|mart mar|aprel apre apr|may|iyun iyn|iyul iyl|avqust avqu avq|sentyabr "
        "sent sen|oktyabr okty okt|noyabr noya noy|dekabr deka dek",
    ),
    (
        "kk",
        "қаңтар қаңт қаң|ақпан ақпа ақп|наурыз наур нау|сәуір сәуі сәу|мамыр мамы мам|маусым маус мау|шілде шілд "
        "шіл|тамыз тамы там|қыркүиек қырк қыр|қазан қаза қаз|қараша қара қар|желтоқсан желт жел",
    ),
    (
        "hu",
        "januar janu jan|februar febr feb|marcius marc mar|aprilis apri apr|majus maju maj|junius juni "
        "jun|julius juli jul|augusztus augu aug|szeptember szept szep sze|oktober okto okt|november nove "
        "nov|december dece dec",
    ),
    (
        "el",
        "ιανουαριος ιανουαριου ιανο ιαν|φεβρουαριος φεβρουαριου φεβρ φεβ|μαρτιος μαρτιου μαρτ μαρ|απριλιος "
        "απριλιου απρι απρ|μαιος μαιου μαιο μαι|ιουνιος ιουνιου ιουν|ιουλιος ιουλιου ιουλ|αυγουστος αυγουστου "
        "αυγο αυγ|σεπτεμβριος σεπτεμβριου σεπτ σεπ|οκτωβριος οκτωβριου οκτω οκτ|νοεμβριος νοεμβριου νοεμ "
        "νοε|δεκεμβριος δεκεμβριου δεκε δεκ",
    ),
    (
        "cs",
        "leden ledna lede ledn led|unora unor uno|brezen brezna brez bre|duben dubna dube dubn dub|kveten kvetna "
        "kvet kve|cerven cervna cvn|cervence cervenec cvc|srpen srpna srpe srpn srp|zari zar|rijen rijna rije "
        "rijn rij|listopadu listopad list lis|prosince prosinec pros pro",
    ),
    (
        "sv",
        "januari janu jan|februari febr feb|mars mar|april apri apr|maj|juni jun|juli jul|augusti augu "
        "aug|september sept sep|oktober okto okt|november nove nov|december dece dec",
    ),
    (
        "bg",
        "януари януа яну|февруари февр фев|март мар|април апри апр|маи|юни|юли|август авгу авг|септември септ "
        "сеп|октомври окто окт|ноември ноем ное|декември деке дек",
    ),
    (
        "sr",
        "јануар јану јан|фебруар фебр феб|март мар|април апри апр|мај|јун|јул|август авгу авг|септембар септ "
        "сеп|октобар окто окт|новембар нове нов|децембар деце дец",
    ),
    (
        "sr",
        "januar janu jan|februar febr feb|mart mar|april apri apr|maj|jun|jul|avgust avgu avg|septembar sept "
        "sep|oktobar okto okt|novembar nove nov|decembar dece dec",
    ),
    (
        "da",
        "januar janu jan|februar febr feb|marts mart mar|april apri apr|maj|juni jun|juli jul|august augu "
        "aug|september sept sep|oktober okto okt|november nove nov|december dece dec",
    ),
    (
        "nb",
        "januar janu jan|februar febr feb|mars mar|april apri apr|mai|juni jun|juli jul|august augu "
        "aug|september sept sep|oktober okto okt|november nove nov|desember dese des",
    ),
    (
        "fi",
        "tammikuuta tammikuu tammi tamm tam|helmikuuta helmikuu helmi helm hel|maaliskuuta maaliskuu maalis maal "
        "maa|huhtikuuta huhtikuu huhti huht huh|toukokuuta toukokuu touko touk tou|kesakuuta kesakuu kesa "
        "kes|heinakuuta heinakuu heina hein hei|elokuuta elokuu elok elo|syyskuuta syyskuu syys syy|lokakuuta "
        "lokakuu loka lok|marraskuuta marraskuu marras marr mar|joulukuuta joulukuu joulu joul jou",
    ),
    (
        "sk",
        "januara januar janu jan|februara februar febr feb|marca marec marc mare mar|aprila april apri apr|maja "
        "maj|juna jun|jula jul|augusta august augu aug|september septembra sept sep|oktober oktobra okto "
        "okt|november novembra nove nov|december decembra dece dec",
    ),
    (
        "hr",
        "sijecanj sijecnja sije sij|veljaca veljace velj vel|ozujak ozujka ozuj ozu|travanj travnja trav "
        "tra|svibanj svibnja svib svi|lipanj lipnja lipa lipn lip|srpanj srpnja srpa srpn srp|kolovoza kolovoz "
        "kolo kol|rujan rujna ruja rujn ruj|listopada listopad list lis|studenoga studeni stud stu|prosinac "
        "prosinca pros pro",
    ),
    (
        "be",
        "студзень студзеня студ сту|лютага люта люты лют|сакавіка сакавік сака сак|красавіка красавік крас "
        "кра|маи мая|чэрвень чэрвеня чэрв чэр|ліпень ліпеня ліпе ліп|жнівень жніуня жнів жніу жні|верасень "
        "верасня вера вер|кастрычніка кастрычнік каст кас|лістапада лістапад ліст ліс|снежань снежня снеж сне",
    ),
    (
        "bs",
        "januar janu jan|februar febr feb|mart mar|april apri apr|maj|juni jun|juli jul|august augu "
        "aug|septembar sept sep|oktobar okto okt|novembar nove nov|decembar dece dec",
    ),
    (
        "lt",
        "sausio sausis saus sau|vasario vasaris vasa vas|kovas kova kovo kov|balandzio balandis bala bal|geguzes "
        "geguze gegu geg|birzelio birzelis birz bir|liepos liepa liep lie|rugpjucio rugpjutis rugp|rugsejis "
        "rugsejo rugs|spalio spalis spal spa|lapkricio lapkritis lapkr lapk lap|gruodzio gruodis gruod gruo gru",
    ),
    (
        "sl",
        "januar janu jan|februar febr feb|marec mare mar|april apri apr|maj|junij juni jun|julij juli jul|avgust "
        "avgu avg|september sept sep|oktober okto okt|november nove nov|december dece dec",
    ),
    (
        "lv",
        "janvaris janv jan|februaris febr feb|marts mart mar|aprilis apri apr|maijs maij mai|junijs juni "
        "jun|julijs juli jul|augusts augu aug|septembris sept sep|oktobris okto okt|novembris nove nov|decembris "
        "dece dec",
    ),
    (
        "et",
        "jaanuar jaan jaa|veebruar veebr veeb vee|marts mart mar|aprill apri apr|mai|juuni juun|juuli "
        "juul|august augu aug|september sept sep|oktoober okto okt|november nove nov|detsember dets det",
    ),
    (
        "mk",
        "јануари јану јан|февруари февр фев|март мар|април апри апр|мај|јуни јун|јули јул|август авгу "
        "авг|септември септ сеп|октомври окто окт|ноември ноем ное|декември деке дек",
    ),
    (
        "sq",
        "janar jana jan|shkurt shku shk|mars mar|prill pril pri|maj|qershor qers qer|korrik korr kor|gusht gush "
        "gus|shtator shta sht|tetor teto tet|nentor nent nen|dhjetor dhje dhj",
    ),
    (
        "is",
        "januar janu jan|februar febr feb|mars mar|april apri apr|mai|juni jun|juli jul|agust agus agu|september "
        "sept sep|oktober okto okt|november nove nov|desember dese des",
    ),
    (
        "ca",
        "gener gene gen|febrer febr feb|marc mar|abril abri abr|maig mai|juny jun|juliol juli jul|agost agos "
        "ago|setembre sete set|octubre octu oct|novembre nove nov|desembre dese des",
    ),
    (
        "gl",
        "xaneiro xane xan|febreiro febr feb|marzo marz mar|abril abri abr|maio mai|xuno xun|xullo xull "
        "xul|agosto agos ago|setembro sete set|outubro outu out|novembro nove nov|decembro dece dec",
    ),
    (
        "eu",
        "urtarrila urta urt|otsaila otsa ots|martxoa mart mar|apirila apir api|maiatza maia mai|ekaina ekai "
        "eka|uztaila uzta uzt|abuztua abuz abu|iraila irai ira|urria urri urr|azaroa azar aza|abendua aben abe",
    ),
    (
        "ms",
        "januari janu jan|februari febr feb|mac|april apri apr|mei|jun|julai jula jul|ogos ogo|september sept "
        "sep|oktober okto okt|november nove nov|disember dise dis",
    ),
    (
        "he",
        "ינואר ינוא ינו|פברואר פברו פבר|מרץ|אפריל אפרי אפר|מאי|יוני יונ|יולי יול|אוגוסט אוגו אוג|ספטמבר ספטמ "
        "ספט|אוקטובר אוקט אוק|נובמבר נובמ נוב|דצמבר דצמב דצמ",
    ),
    (
        "ar",
        "يناير يناي ينا|فبراير فبرا فبر|مارس مار|ابريل ابري ابر|مايو ماي|يونيو يوني يون|يوليو يولي يول|اغسطس "
        "اغسط اغس|سبتمبر سبتم سبت|اكتوبر اكتو اكت|نوفمبر نوفم نوف|ديسمبر ديسم ديس",
    ),
    (
        "fa",
        "ژانویه ژانو ژان|فوریه فوری فور|مارس مار|اوریل اوری اور||ژوين|ژويیه ژويی|اوت|سپتامبر سپتا سپت|اکتبر اکتب "
        "اکت|نوامبر نوام نوا|دسامبر دسام دسا",
    ),
    (
        "af",
        "januarie janu jan|februarie febr feb|maart maar maa mrt|april apri apr|mei|junie juni jun|julie juli "
        "jul|augustus augu aug|september sept sep|oktober okto okt|november nove nov|desember dese des",
    ),
    (
        "cy",
        "ionawr iona ion|chwefror chwef chwe chw|mawrth mawr maw|ebrill ebri ebr|mai|mehefin mehe meh|gorffennaf "
        "gorff gorf gor|awst aws|medi med|hydref hydr hyd|tachwedd tach tac|rhagfyr rhag rha",
    ),
    (
        "ga",
        "eanair eana ean|feabhra feabh feab fea|marta mart mar|aibrean aibr aib|bealtaine beal bea|meitheamh "
        "meith meit mei|iuil iui|lunasa luna lun|mfomh mfom mfo|dfomh dfom dfo|samhain samh sam|nollaig noll nol",
    ),
)

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
    "trt": 180,
    "idt": 180,
    "sast": 120,
    "cat": 120,
    "wat": 60,
    "eat": 180,
    "irst": 210,
    "gst": 240,
    "uzt": 300,
    "pkt": 300,
    "ist": 330,
    "wib": 420,
    "ict": 420,
    "wita": 480,
    "wit": 540,
    "npt": 345,
    "bdt": 360,
    "myt": 480,
    "hkt": 480,
    "sgt": 480,
    "awst": 480,
    "pht": 480,
    "jst": 540,
    "kst": 540,
    "acst": 570,
    "aest": 600,
    "chst": 600,
    "acdt": 630,
    "aedt": 660,
    "nzst": 720,
    "nzdt": 780,
    "nst": -210,
    "ndt": -150,
    "brt": -180,
    "brst": -120,
    "clt": -240,
    "clst": -180,
    "cot": -300,
    "pet": -300,
    "uyt": -180,
    "vet": -240,
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


def month_of(name: str, language: str | None) -> int:
    """Return the number of a month by its name; 0 for any other word.

    Args:
        name: in lower case, without accents and dots.
        language: tag of the language of the text, or None. Some names are those of different months in different
            languages; without a language, the one that most people read counts.
    """
    everywhere, by_language = _tables()
    own = by_language.get("" if language is None else language.lower().partition("-")[0])
    return (own.get(name) if own else None) or everywhere.get(name, 0)


@cache
def _tables() -> tuple[dict[str, int], dict[str, dict[str, int]]]:
    everywhere: dict[str, int] = {}
    by_language: dict[str, dict[str, int]] = {}
    for language, names in _NAMES:
        own = by_language.setdefault(language, {})
        for number, forms in enumerate(names.split("|"), 1):
            for form in forms.split():
                own.setdefault(form, number)
                everywhere.setdefault(form, number)
    by_language["no"] = by_language["nb"]
    by_language["iw"] = by_language["he"]
    return everywhere, by_language


#: The words for units of time before now, of the languages of most pages; those after a number, in lower case.
UNITS = {
    "s": "秒钟 秒鐘 秒 초 seconds second secs sec s sekunden sekunde secondes seconde segundos segundo secondi "
    "secondo seconden секунды секунду секунд sekund sekundy sekunder saniye giây detik",
    "m": "分钟 分鐘 分 분 minutes minute mins min m minuten minutos minuto minuti minuut минуты минуту минут мин "
    "хвилини хвилину хвилин minut minuty minuter dakika phút menit",
    "h": "个小时 個小時 小时 小時 个钟头 個鐘頭 時間 시간 hours hour hrs hr h stunden stunde heures heure horas hora "
    "ore ora uren uur часов часа час години годину годин godziny godzinę godzin hodinami hodinou timmar timme timer "
    "time saat giờ jam",
    "d": "天 日 일 days day d tagen tag jours jour días dias día dia giorni giorno dagen dag дней дня день днів дні "
    "dni dzień dny dnem dagar dage gün ngày hari",
    "w": "个星期 個星期 个礼拜 個禮拜 星期 周 週間 週 주 weeks week wks wk w wochen woche semaines semaine semanas "
    "semana settimane settimana weken недели неделю недель тижні тиждень тижнів tygodnie tydzień tygodni týdny "
    "týdnem veckor vecka uger uge hafta tuần minggu",
    "mo": "个月 個月 か月 ヶ月 ケ月 カ月 개월 months month mos mo monaten monat mois meses mês mes mesi mese maanden "
    "maand месяцев месяца месяц місяців місяці місяць miesięcy miesiące miesiąc měsíci měsícem månader månad måneder "
    "måned ay tháng bulan",
    "y": "年 년 years year yrs yr y jahren jahr ans an años año anos ano anni anno jaar года год лет роки рік років "
    "lata lat rok lety rokem år yıl năm tahun",
}
#: What stands before or after the number and its unit; the first of the latter may be followed by anything.
AGO_BEFORE = "vor|il y a|hace|há|cách đây|před|för"
AGO_CLOSE = "之前|以前|前|전"
AGO_AFTER = "ago|fa|geleden|назад|тому|temu|önce|trước|yang lalu|lalu|sedan|siden|atrás"
#: A number as a word: one, and the half.
ONE = "an|a|one|一|einer|einem|une|un|una|uma|um|een|en|ett"
#: Names of days, by how many days they are before today.
DAYS = (
    "今天|今日|오늘|today|heute|aujourd['’]hui|hoy|hoje|oggi|vandaag|сегодня|сьогодні|dzisiaj|dziś|dnes|bugün|i dag|"
    "idag",
    "昨天|昨日|어제|yesterday|gestern|hier|ayer|ontem|ieri|gisteren|вчера|вчора|wczoraj|včera|dün|i går|igår",
    "前天|前日|一昨日|그저께|the day before yesterday|vorgestern|avant-hier|anteayer|позавчера",
)
#: The years before the first one of an era, by the words for it.
ERAS = {
    "中華民國": 1911,
    "中华民国": 1911,
    "民國": 1911,
    "民国": 1911,
    "令和": 2018,
    "平成": 1988,
    "昭和": 1925,
}
