# Put before the scripts that use it.
first() { # NAME...: the first of these that is set, in a variable or in the file of NAME_FILE
  for name; do
    eval "file=\${${name}_FILE:-} text=\${$name:-}"
    if [ -n "$file" ] && [ -r "$file" ]; then cat "$file"; return; fi
    if [ -n "$text" ]; then printf %s "$text"; return; fi
  done
}
