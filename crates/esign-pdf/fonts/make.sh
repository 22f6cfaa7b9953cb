#!/bin/sh
# Makes the three files beside this script out of Debian's fonts; README.md says which versions they were made of.
#
#     apt-get install fonts-noto-core fonts-droid-fallback && pip install fonttools==4.68.0 && sh make.sh
set -eu
from=${1:-/usr/share/fonts/truetype}
to=$(dirname "$0")
export SOURCE_DATE_EPOCH=0

# NAME FILE UNICODES FEATURES: the font without hints, which are of no use on paper and to modern screens, as zlib data.
cut() {
    pyftsubset "$from/$2" --output-file="$to/$1.ttf" --unicodes="$3" --layout-features="$4" \
        --no-hinting --notdef-outline --name-IDs=0,1,2,4,5,6,7,13,14 --drop-tables+=DSIG,vhea,vmtx
    python3 -c 'import sys, zlib; sys.stdout.buffer.write(zlib.compress(sys.stdin.buffer.read(), 9))' \
        <"$to/$1.ttf" >"$to/$1.ttf.zlib"
    rm "$to/$1.ttf"
}

# Latin with its extensions (Vietnamese too), Greek, Cyrillic, combining marks, punctuation, currencies.
cut NotoSans noto/NotoSans-Regular.ttf U+0020-007E,U+00A0-024F,U+02B0-03FF,U+0400-052F,U+1E00-1FFF,U+2010-2027,U+202F-203A,U+2074,U+207F,U+20A0-20BF,U+2116,U+2122,U+2190-2193,U+2212,U+25CC,U+FB01-FB02 \
    ccmp,kern,locl,mark,mkmk
cut NotoSansTamil noto/NotoSansTamil-Regular.ttf '*' '*'
# Every unified ideograph of Unicode 1.1, among them all of GB 2312, GBK and Big5, with kana and full-width forms.
cut DroidSansFallback droid/DroidSansFallbackFull.ttf U+3000-303F,U+3040-30FF,U+4E00-9FFF,U+FF00-FFEF ''
