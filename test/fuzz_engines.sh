# SPDX-License-Identifier: MIT
# How both engines are started: for test/fuzz_smoke.sh and test/fuzz_long.sh, which read this.
export AFL_SKIP_CPUFREQ=1 AFL_I_DONT_CARE_ABOUT_MISSING_CRASHES=1 AFL_NO_UI=1 AFL_TRY_AFFINITY=1

# fuzz_seeds TARGET FOLDER: its corpus, and what was found with it, or one input.
fuzz_seeds() {
    mkdir -p "$2"
    [ ! -d "corpus/$1" ] || cp -R "corpus/$1/." "$2"
    find corpus/regress -type f -name "$1-*" -exec cp {} "$2" \;
    [ -n "$(ls "$2")" ] || echo 0 >"$2/zero"
}

# fuzz_dictionary TARGET: its dictionary, or that of the first word of its name.
fuzz_dictionary() {
    for dictionary in "fuzz/$1.dict" "fuzz/${1%%_*}.dict"; do
        [ ! -e "$dictionary" ] || { echo "$dictionary"; return; }
    done
}

# fuzz_libfuzzer PROGRAM NEW SEEDS FOUND SECONDS SEED
fuzz_libfuzzer() {
    name=$(basename "$1") dictionary=$(fuzz_dictionary "$(basename "$1")")
    # Contexts that outlive a run are no leaks, and looking for them after each takes longer than the run.
    case $name in differential*) leaks=0 ;; *) leaks=1 ;; esac
    "$1" -seed="$6" -detect_leaks=$leaks -timeout=20 -rss_limit_mb=2048 -print_final_stats=1 -artifact_prefix="$4/" -max_total_time="$5" \
        ${dictionary:+"-dict=$dictionary"} "$2" "$3"
}

# fuzz_afl PROGRAM SEEDS OUT SECONDS SEED
fuzz_afl() {
    dictionary=$(fuzz_dictionary "$(basename "$1")")
    timeout -k 10 $(($4 + 90)) afl-fuzz -s "$5" -V "$4" -i "$2" -o "$3" ${dictionary:+-x "$dictionary"} -- "$1"
}
