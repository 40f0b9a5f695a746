# SPDX-License-Identifier: MIT
# The core in one piece: awk -v header=1 -f tools/single.awk prints the public headers as one tlsm.h; without it, with the names of
# the sources as arguments, all of them as one tlsm.c beside that. -v public="…" names the public headers, of machine/.
#
# A header stands where it is first included. The rows of a .def are a macro, TLSM_ROWS_…, so that they stand there once. What
# internal headers declare becomes static, and so does a later definition: C lets it inherit the word. A name that two sources
# have for themselves is another in the second.
BEGIN {
    publics = split(public, public_name, " ")
    for (i = 1; i <= publics; i++)
        is_public[public_name[i]] = 1
    print "/* SPDX-License-Identifier: MIT */"
    print "/* tlsm " version ", made by make tlsm.c: do not change it here. */"
    if (header) {
        place("tlsm.h")
        for (i = 1; i <= publics; i++)
            if (public_name[i] ~ /\.h$/)
                place(public_name[i])
        exit failed
    }
    for (i = 1; i < ARGC; i++)
        place_source(ARGV[i])
    exit failed
}

function path_of(name) { return "machine/" name }

function macro_of(name) {
    gsub(/[^a-z_]/, "_", name)
    return "TLSM_ROWS_" toupper(name)
}

# Rows in an #ifdef are a macro of their own, whose name ends with the condition's.
function rows(name, printed,    line, macro, kind) {
    if (name in defined)
        return
    defined[name] = 1
    macro = macro_of(name)
    kind = ""
    while ((getline line < path_of(name)) > 0) {
        if (line ~ /^#ifdef [A-Z]+$/) {
            kind = substr(line, 8)
            kinds[name] = kinds[name] " " kind
        } else if (line ~ /^#endif/)
            kind = ""
        else if (line ~ /^#/) {
            print path_of(name) ": single.awk cannot read " line > "/dev/stderr"
            failed = 1
        } else if (line !~ /SPDX/ && line !~ /^$/) {
            text[macro, kind] = text[macro, kind] " \\\n" line
        }
    }
    close(path_of(name))
    if (!printed)
        return
    if (kinds[name] == "")
        print "#define " macro text[macro, ""] "\n"
    count_kinds = split(kinds[name], of, " ")
    for (k = 1; k <= count_kinds; k++)
        print "#define " macro "_" of[k] text[macro, of[k]] "\n"
}

function use(name,    k, of, count_kinds) {
    # The rows of a public .def are a macro of tlsm.h.
    rows(name, header || !is_public[name])
    if (kinds[name] == "")
        print macro_of(name)
    count_kinds = split(kinds[name], of, " ")
    for (k = 1; k <= count_kinds; k++)
        printf "#ifdef %s\n%s_%s\n#endif\n", of[k], macro_of(name), of[k]
}

function include(name) {
    if (name ~ /\.def$/)
        use(name)
    else if (!header && is_public[name]) {
        if (!beside++)
            print "#include \"tlsm.h\""
    } else
        place(name)
}

# take NAME, which FILE has for itself: where another file had it before, it is renamed as long as this one lasts.
function take(name, file) {
    if (name in owner && owner[name] != file && !(name in renamed)) {
        sub(/\.c$/, "", file)
        renamed[name] = 1
        print "#define " name " " file "_" name
        return
    }
    owner[name] = file
}

function place_source(file,    line, name, part, count, i) {
    delete renamed
    while ((getline line < path_of(file)) > 0) {
        if (line ~ /^static [^=(]*[ *][a-z_0-9]+(\(|\[| =)/) {
            name = line
            sub(/ =.*/, "", name)
            sub(/[(\[].*/, "", name)
            sub(/.*[ *]/, "", name)
            take(name, file)
        } else if (line ~ /^enum \{ /) {
            count = split(line, part, /[{,]/)
            for (i = 2; i <= count; i++) {
                name = part[i]
                gsub(/^ +| *[=}].*/, "", name)
                if (name != "")
                    take(name, file)
            }
        }
    }
    close(path_of(file))
    place(file)
    for (name in renamed)
        print "#undef " name
}

function place(name,    line, internal) {
    if (name in placed)
        return
    placed[name] = 1
    internal = name ~ /\.h$/ && !is_public[name]
    while ((getline line < path_of(name)) > 0) {
        if (line ~ /SPDX/)
            line = "\n/* ================ " path_of(name) " */"
        if (line ~ /^#include "/) {
            split(line, quoted, "\"")
            include(quoted[2])
            continue
        }
        if (internal && line ~ /^[a-z][a-z0-9_ ]*[ *]tlsm_[a-z0-9_]+[([]/ && line !~ /^static/) {
            if (sub(/^extern /, "", line)) {
                object = line
                sub(/;.*/, "", object)
                objects[object] = 1
            }
            line = "static " line
        }
        # What a macro of such a header declares for each row.
        if (internal && line ~ /^ +[a-z][a-z0-9_ ]* tlsm_[a-z_]+##[a-z]+\(/)
            sub(/^ +/, "    static ", line)
        object = line
        sub(/ = .*/, "", object)
        if (object in objects)
            line = "static " line
        print line
    }
    close(path_of(name))
}
