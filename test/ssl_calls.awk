# SPDX-License-Identifier: MIT
# From the declarations of tlsm_ssl.h, one function per call that test/ssl_null_test.c can make with and without its
# pointers, so that a new call is tried the day it is declared.
function trim(text) { gsub(/^ +| +$/, "", text); return text }

# Arguments that stand for themselves: buffers, texts and numbers. Everything else behind the first is NULL.
function other(type) {
    if (type == "const char *") return "things->text"
    if (type == "char *") return "(char *)things->buffer"
    if (type ~ /^(const )?(void|unsigned char) \*$/) return "things->buffer"
    if (type == "unsigned char **") return "&things->cursor"
    if (type == "const unsigned char **") return "&things->source"
    if (type == "size_t *") return "&things->size"
    if (type ~ /^(const )?int \*$/) return "things->numbers"
    if (type == "unsigned int *") return "&things->number"
    if (type == "struct tlsm_verdict *") return "&things->verdict"
    if (type == "SSL_SESSION *") return "things->session"
    if (type == "SSL_CTX *") return "things->ctx"
    return ""
}

function object(type) {
    if (type ~ /^(const )?SSL \*$/) return "ssl"
    if (type ~ /^(const )?SSL_CTX \*$/) return "ctx"
    if (type ~ /^(const )?SSL_SESSION \*$/) return "session"
    if (type ~ /^(const )?SSL_CIPHER \*$/) return "cipher"
    if (type ~ /^(const )?SSL_METHOD \*$/) return "method"
    return ""
}

# The type of a parameter: what is left without its name.
function type_of(parameter) {
    parameter = trim(parameter)
    if (parameter ~ /\(\*/) return "function"
    if (parameter ~ /_cb( |$)|_cb_func( |$)/) return "function"
    sub(/[A-Za-z_0-9]+$/, "", parameter)
    return trim(parameter)
}

function split_parameters(text, into,    i, c, depth, count, part) {
    count = 0; depth = 0; part = ""
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") depth++
        if (c == ")") depth--
        if (c == "," && depth == 0) { into[++count] = part; part = "" } else part = part c
    }
    if (trim(part) != "" && trim(part) != "void") into[++count] = part
    return count
}

# From behind the opening parenthesis to its partner.
function inside(text,    i, c, depth) {
    depth = 1
    for (i = 1; i <= length(text); i++) {
        c = substr(text, i, 1)
        if (c == "(") depth++
        if (c == ")" && --depth == 0) return substr(text, 1, i - 1)
    }
    return text
}

function argument(type, first,    name) {
    if (first && (name = object(type)) != "") return "with_object ? things->" name " : NULL"
    if (type == "function") return "NULL"
    if (type !~ /\*/) return "(" type ")number"
    return (name = other(type)) != "" ? "with_others ? " name " : NULL" : "NULL"
}

function emit(name, result, parameters, count,    i, list, call) {
    list = ""
    for (i = 1; i <= count; i++) list = list (i > 1 ? ", " : "") argument(type_of(parameters[i]), i == 1)
    call = name "(" list ")"
    printf "static uintptr_t call_%d(struct things *things, int with_object, int with_others, long number)\n{\n", ++calls
    print "    (void)things, (void)with_object, (void)with_others, (void)number;"
    if (name in keeps) printf "    %s(%s);\n", keeps[name], "with_object ? things->" object(type_of(parameters[1])) " : NULL"
    if (name in holds)
        printf "    return RELEASE(things->%s, %s, %s);\n", object(type_of(parameters[1])), holds[name], call
    else if (name == "SSL_CIPHER_description")   # allocates where it is given no room
        printf "    char *const text = %s;\n    if (!with_others)\n        OPENSSL_free(text);\n    return 0;\n", call
    else if (name in gives) printf "    %s(%s);\n    return 0;\n", gives[name], call
    else if (result == "void") printf "    %s;\n    return 0;\n", call
    else printf "    return (uintptr_t)%s;\n", call
    print "}"
    table = table "    { \"" name "\", call_" calls ", " (count > 0 && object(type_of(parameters[1])) != "" ? 1 : 0) " },\n"
}

BEGIN {
    # Those that free one of two references, give a new object, give a reference.
    keeps["SSL_free"] = "(void)SSL_up_ref"; keeps["SSL_CTX_free"] = "(void)SSL_CTX_up_ref"
    keeps["SSL_SESSION_free"] = "(void)SSL_SESSION_up_ref"
    gives["SSL_new"] = "SSL_free"; gives["SSL_CTX_new"] = gives["SSL_CTX_new_ex"] = "SSL_CTX_free"
    gives["SSL_SESSION_new"] = gives["SSL_SESSION_dup"] = gives["SSL_get1_session"] = gives["d2i_SSL_SESSION"] = "SSL_SESSION_free"
    gives["SSL_get1_peer_certificate"] = "X509_free"
    holds["SSL_up_ref"] = "SSL_free"; holds["SSL_CTX_up_ref"] = "SSL_CTX_free"; holds["SSL_SESSION_up_ref"] = "SSL_SESSION_free"
}

FILENAME ~ /names\.h$/ { if ($1 == "#define" && NF == 3) known[$2] = 1; next }
/^#/ || /^extern/ || /^}/ || /^typedef/ { next }
{
    gsub(/\/\*[^*]*\*\//, "")
    if (/\/\*/) { sub(/\/\*.*/, ""); comment = 1 }
    else if (comment && /\*\//) { sub(/.*\*\//, ""); comment = 0 }
    else if (comment) next
    text = text " " $0
    if (text !~ /; *$/) next
    gsub(/ +/, " ", text); text = trim(text)
    for (name in known) {
        at = index(text, name "(")
        if (at == 0 || (at > 1 && substr(text, at - 1, 1) ~ /[A-Za-z_0-9]/)) continue
        delete parameters
        count = split_parameters(inside(substr(text, at + length(name) + 1)), parameters)
        emit(name, trim(substr(text, 1, at - 1)), parameters, count)
        delete known[name]
        break
    }
    text = ""
}

END {
    print "static const struct call { const char *name; uintptr_t (*run)(struct things *, int, int, long); int of_object; } call[] = {"
    printf "%s};\n", table
    for (name in known) printf "#error \"%s is declared nowhere\"\n", name
}
