# The sum of all test programs, from the log of `cargo test -- --show-output`; `-v status=N` is cargo's exit status.
#
# A test that printed a line `skipped: why` found something missing and looked at nothing: it counts as skipped, though the test
# program calls it passed. `partly skipped: why` is told and does not change the count. Of the ignored ones, those that other tests
# start are no tests. A program that does not compile or that dies prints no result: then the sum must not read like a success.

{ gsub(/\033\[[0-9;]*m/, "") }
/^successes:$/ { shown = 1 }
/^failures:$/ || /^test result: / { shown = 0; name = "" }
shown && /^---- .* stdout ----$/ { name = $2; told = 0 }
name != "" && /^skipped: / && !told { reasons[++skipped] = name ": " substr($0, 10); hidden++; told = 1 }
name != "" && /^partly skipped: / { parts[++partly] = name ": " substr($0, 17) }
/^test .* \.\.\. ignored/ && !/ignored, started by other tests/ {
    text = substr($0, 6)
    sub(/ \.\.\. ignored(, )?/, ": ", text)
    reasons[++skipped] = text
}
/^test result: / {
    for (i = 2; i <= NF; i++) {
        if ($i == "passed;") passed += $(i - 1)
        if ($i == "failed;") failed += $(i - 1)
    }
}
END {
    if (status != 0 && !failed) {
        print "\na test program did not build or died without a result (counted as one failure)"
        failed = 1
    }
    if (partly) print "\nskipped in part:"
    for (i = 1; i <= partly; i++) print "  " parts[i]
    if (skipped) print "\nskipped:"
    for (i = 1; i <= skipped; i++) print "  " reasons[i]
    printf "\n%d passed, %d failed, %d skipped\n", passed - hidden, failed, skipped
}
