"""Countries by their names in Vietnamese and English and by the codes that are nothing else.

Only what names a foreign country makes a claim a foreigner, so words that name none ("nước ngoài", "khác") and codes
that also shorten a province or a city (HN, TH, LA, NAM, KH, SG) are left out.
"""

from __future__ import annotations

_NAMES = """
afghanistan afg; albania alb; algeria angieri dza; andorra; angola ago; argentina arg; armenia acmenia arm
australia uc nuocuc australian aus au; austria ao austrian aut; azerbaijan aze; bahamas; bahrain bhr
bangladesh bangladet bangladeshi bgd; barbados; belarus belarutxia bachnga blr; belgium bi vuongquocbi belgian bel
belize; benin; bhutan butan btn; bolivia bol; bosnia bosniaherzegovina bih; botswana bwa; brazil braxin brasil bra
brunei bruneidarussalam brn; bulgaria bungari bgr; burkinafaso; burundi; cambodia campuchia campuchea khmerrepublic
cambodian khm; cameroon camorun cmr; canada canadian; chad; chile chile chl; china trungquoc trunghoa
chinese cn chn prc conghoanhandantrunghoa; colombia col; congo conggo cog cod; costarica cri
croatia hrv; cuba cub; cyprus sip cyp; czechrepublic czech czechia congsec sec tiepkhac cze; denmark danmach danish dnk
djibouti; dominicanrepublic dominica dom; ecuador ecu; egypt aicap egyptian egy; elsalvador slv; eritrea; estonia
ethiopia etiopia eth; fiji; finland phanlan finnish fin; france phap conghoaphap french fra fr; gabon
gambia; georgia gruzia geo; germany duc conghoalienbangduc german deu ger de; ghana gana gha; greece hylap greek grc
guatemala gtm; guinea ghine; haiti; honduras; hongkong hongcong hkg; hungary hunggari hungarian hun; iceland ailen isl
india ando indian ind; indonesia indonexia indonesian idn; iran irn; iraq irac irq; ireland airolen irish irl
israel ixraen isr; italy italia italian ita; ivorycoast bobiennga cotedivoire; jamaica jam; japan nhatban nhat 
japanese jpn jp; jordan giocdani jor; kazakhstan cadacxtan kaz; kenya kenia ken; kosovo; kuwait coet kwt
kyrgyzstan kiecghixtan kgz; laos lao nuoclao conghoadanchunhandanlao chdcndlao laotian; latvia lva; lebanon libang lbn
liberia; libya libi; liechtenstein; lithuania litva ltu; luxembourg lucxambua lux; macau macao macaosar; madagascar mdg
malawi; malaysia malaixia malai malaysian mys; maldives mandivo mdv; mali; malta; mauritius; mexico mehico mexican mex
moldova mda; monaco; mongolia mongco mng; montenegro mne; morocco maroc; mozambique modambich moz
myanmar mianma miendien burma burmese mmr; namibia; nepal nepan nepalese npl; netherlands halan hoalan holland dutch nld
newzealand niudilan tantaylan nzl; nicaragua nic; niger; nigeria nigieria nigerian nga nuocnga lienbangnga
northkorea trieutien bactrieutien prk; norway nauy norwegian; oman; pakistan pakixtan pak; palestine palextin
panama; papuanewguinea png; paraguay; peru; philippines philippin philipin filipino filipina phl
poland balan polish pol; portugal bodaonha portuguese prt; qatar cata qat; romania rumani rou; russia russian rus
russianfederation; rwanda; saudiarabia arapxeut arapsaudi sau; senegal; serbia srb; seychelles; singapore xingapo
singaporean sgp; slovakia xlovakia svk; slovenia svn; somalia; southafrica namphi zaf; southkorea hanquoc
daihandanquoc korea korean republicofkorea koreasouth kor kr; spain taybannha spanish esp; srilanka xrilanca lka; sudan
sweden thuydien swedish swe; switzerland thuysi thuysy swiss; syria xiri syr; taiwan dailoan taiwanese twn tw tqdailoan
tajikistan; tanzania tza; thailand thailan thailandia tha; timorleste dongtimo; togo; tunisia tun
turkey thonhiky turkiye turkish tur; turkmenistan; uganda; ukraine ucraina ukrainian ukr
unitedarabemirates uae tieuvuongquocarap are; unitedkingdom anh vuongquocanh lienhiepanh greatbritain england britain
british english scotland gbr uk gb; unitedstates unitedstatesofamerica my hoaky nuocmy hopchunghoaky hopchungquochoaky
america american usa us; uruguay; uzbekistan udobekixtan uzb; vatican; venezuela ven; yemen; zambia; zimbabwe
"""
# Letters and digits of a value, as linkage.standardise.categories makes them of what is typed.
COUNTRIES = frozenset(_NAMES.lower().replace(";", " ").replace("_", "").split())
