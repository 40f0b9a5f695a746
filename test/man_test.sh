#!/bin/sh
# SPDX-License-Identifier: MIT
# The manual pages are well formed, point at each other, speak of calls and options that exist, and their programs compile.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
CC=${CC:-cc}
here=$B/man
failures=0
fail() { echo "man: $*"; failures=$((failures + 1)); }

rm -rf "$here" && mkdir -p "$here" || exit 1
pages=$(ls docs/man/*.1 docs/man/*.3 docs/man/*.3tlsm docs/man/*.7)
listed=$(env -u MAKEFLAGS -u MAKELEVEL make -s sources)

# mandoc knows the sections of its own system alone; and whether a page of another package is installed here says nothing.
lint() {
    sed 's/^\(\.Dt .*\) 3tlsm$/\1 3/' "$1" >"$here/page"
    mandoc -T lint -W style "$here/page" 2>&1 |
        grep -vE 'STYLE: referenced manual not found|^mandoc: outdated mandoc.db' | sed "s|$here/page|$1|"
}

# NAME(SECTION) is NAME.SECTION beside it, or a page of another package.
ours() { case $2 in 3tlsm) return 0 ;; 1 | 3 | 7) case $1 in tlsm* | SSL_*) return 0 ;; esac ;; esac; return 1; }

# A page of several calls is found under the first; the others stand in its NAME section.
written() {
    [ -e "docs/man/$1.$2" ] || grep -lxE "\.Nm $1( ,)?" docs/man/*."$2" >/dev/null 2>&1
}

for page in $pages; do
    printf '%s\n' "$listed" | grep -qx "$page" || fail "$page is in no list of the Makefile"
    head -n 2 "$page" | grep -q 'SPDX-License-Identifier: MIT' || fail "$page: no SPDX line"
    said=$(lint "$page")
    [ -z "$said" ] || fail "$said"
    mandoc -T utf8 "$page" >"$here/text" 2>/dev/null && [ -s "$here/text" ] || fail "$page cannot be read"
    sed -n 's/^\.Xr \([^ ]*\) \([^ ]*\).*/\1 \2/p' "$page" >"$here/references"
    while read -r name section; do
        ours "$name" "$section" && ! written "$name" "$section" && fail "$page points at $name($section), which does not exist"
    done <"$here/references"
done

# Calls.
cat machine/*.h adapters/*.h | grep -oE '[A-Za-z0-9_]+\(' | sort -u >"$here/declared"
for name in $(grep -hoE '^\.F[no] "?(SSL|tlsm|i2d|d2i)_[A-Za-z0-9_]+' $pages | awk '{ print $2 }' | tr -d '"' | sort -u); do
    grep -qxF "$name(" "$here/declared" || fail "a page speaks of $name(), which no header declares"
done

# Constants.
cat machine/*.h machine/*.def adapters/*.h tools/*.def | grep -oE '[A-Za-z0-9_]+' | sort -u >"$here/words"
for name in $(grep -hE '^\.(It )?Dv ' $pages | grep -oE '(SSL|TLSM)_[A-Z0-9_]+' | sort -u); do
    case $name in SSL_ERROR_) continue ;; esac
    grep -qxF "$name" "$here/words" || fail "a page speaks of $name, which no header defines"
done

# All of them, where a page has to have all.
for name in $(sed -n '/^enum tlsm_in_kind/,/^};/p; /^enum tlsm_need/,/^};/p' machine/tlsm.h | grep -oE 'TLSM_(IN|NEED)_[A-Z_]+'); do
    [ "$name" = TLSM_IN_COUNT ] || grep -qE "^\.It Dv (.* )?$name( |$)" docs/man/tlsm_step.3 || fail "tlsm_step.3 lacks $name"
done
for name in $(sed -n '/^int ssl_report/,$p' adapters/tlsm_ssl_error.c | grep -oE 'SSL_ERROR_[A-Z0-9_]+' | sort -u); do
    grep -qxE "\.It Dv $name" docs/man/SSL_get_error.3tlsm || fail "SSL_get_error.3tlsm lacks $name"
done

# Options, both ways.
for command in client server relay peer explore replay; do "$B/tlsm" $command --help 2>&1; done |
    grep -oE '(^ *|\[)--[a-z][a-z-]*' | grep -oE '\-\-[a-z-]+' | sort -u >"$here/options"
grep -hoE '^\.It Fl -[a-z-]+' docs/man/tlsm.1 | sed 's/.*Fl -/--/' | sort -u >"$here/described"
[ "$(wc -l <"$here/options")" -gt 30 ] || fail "the command's help has no options"
diff "$here/options" "$here/described" >"$here/difference" ||
    fail "options of the help (<) and of tlsm.1 (>) differ: $(cat "$here/difference")"

# Programs: a block behind a comment "program: NAME". Another block that includes a header was forgotten.
programs=0
for page in $pages; do
    awk -v folder="$here" -v page="$page" '
        /^\.\\" program: / { name = folder "/" $3; next }
        /^\.Bd -literal/ { inside = 1; text = ""; next }
        /^\.Ed/ {
            if (name != "") { printf "%s", text >name; close(name) }
            else if (text ~ /#include/) { print "man: " page ": a program without a name" }
            inside = 0; name = ""; next
        }
        inside { gsub(/\\e/, "\\"); text = text $0 "\n" }
    ' "$page" | grep . && failures=$((failures + 1))
done
for program in "$here"/*.c; do
    $CC -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror -D_DEFAULT_SOURCE -Imachine -Iadapters -c "$program" \
        -o "$program.o" || fail "$program does not compile"
    programs=$((programs + 1))
done
# The same through the drop-in header.
for program in $(grep -l 'include <tlsm_ssl.h>' "$here"/*.c); do
    sed 's/<tlsm_ssl.h>/<openssl\/ssl.h>/' "$program" >"$here/drop_in.c"
    $CC -std=c11 -Wall -Wextra -Wpedantic -D_DEFAULT_SOURCE -Werror -Iadapters/compat -Imachine -Iadapters -c "$here/drop_in.c" \
        -o "$here/drop_in.o" || fail "$program does not compile through the drop-in header"
done

# The client of SSL_connect(3tlsm) gets a page and a clean end, of a server it trusts; of another it gets neither.
# shellcheck disable=SC2086
$CC ${CFLAGS:-} ${SANITIZE:+-fsanitize=$SANITIZE} "$here/client.c.o" "$B/libtlsm-adapters.a" "$B/libtlsm.a" -lcrypto -o "$here/client" ||
    exit 1
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$here/key.pem" -out "$here/cert.pem" \
    -days 2 -subj /CN=test -addext subjectAltName=IP:127.0.0.1 2>/dev/null || exit 1
mkfifo "$here/said" || exit 1
"$B/tlsm" server --cert "$here/cert.pem" --key "$here/key.pem" --listen 127.0.0.1:0 --http --size 40000 >"$here/said" 2>&1 &
server=$!
trap 'kill $server 2>/dev/null' EXIT
exec 3<"$here/said"
port=
while [ -z "$port" ] && read -r line <&3; do port=$(expr "$line" : 'listening on .*:\([0-9]*\)$'); done
[ -n "$port" ] || { echo "man: the server did not start"; exit 1; }
SSL_CERT_FILE=$here/cert.pem "$here/client" 127.0.0.1 "$port" >"$here/answer" || fail "the client of SSL_connect.3tlsm: no clean end"
[ "$(wc -c <"$here/answer")" -gt 40000 ] || fail "the client of SSL_connect.3tlsm: not the whole page"
SSL_CERT_FILE=/dev/null SSL_CERT_DIR=/nonexistent "$here/client" 127.0.0.1 "$port" >"$here/answer" 2>"$here/refusal" &&
    fail "the client of SSL_connect.3tlsm trusts a stranger"
[ ! -s "$here/answer" ] && grep -q . "$here/refusal" || fail "the client of SSL_connect.3tlsm does not say why it refuses"

[ "$programs" -ge 7 ] || fail "only $programs programs in the pages"
echo "man: $(printf '%s\n' "$pages" | wc -l) pages, $programs programs"
[ "$failures" = 0 ]
