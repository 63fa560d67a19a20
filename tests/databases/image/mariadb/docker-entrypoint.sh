#!/bin/bash
# Like the official image: as root it gives the data directory to `mysql`; an empty one is initialized from the
# MARIADB_* or MYSQL_* variables.
set -euo pipefail

data=/var/lib/mysql

setting() { # NAME: from MARIADB_NAME, MYSQL_NAME, or their _FILE
    local variable
    for variable in "MARIADB_$1" "MYSQL_$1"; do
        local file=${variable}_FILE
        if [ -n "${!file:-}" ]; then cat "${!file}"; return; fi
        if [ -n "${!variable:-}" ]; then printf '%s' "${!variable}"; return; fi
    done
}

quoted() { printf "'%s'" "$(printf '%s' "$1" | sed "s/\\\\/\\\\\\\\/g; s/'/''/g")"; }

if [ "${1:-}" != mariadbd ] && [ "${1:-}" != mysqld ]; then exec "$@"; fi
if [ "$(id -u)" = 0 ]; then
    mkdir -p "$data"
    find "$data" \! -user mysql -exec chown mysql '{}' +
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi
if [ ! -d "$data/mysql" ]; then
    root=$(setting ROOT_PASSWORD)
    if [ -z "$root" ] && [ -z "$(setting ALLOW_EMPTY_ROOT_PASSWORD)$(setting ALLOW_EMPTY_PASSWORD)" ]; then
        echo "[ERROR] [Entrypoint]: Database is uninitialized and password option is not specified" >&2
        exit 1
    fi
    mariadb-install-db --datadir="$data" --auth-root-authentication-method=normal --skip-test-db >/dev/null
    {
        echo "DELETE FROM mysql.global_priv WHERE User = 'root' AND Host <> 'localhost';"
        echo "FLUSH PRIVILEGES;"
        echo "ALTER USER root@localhost IDENTIFIED BY $(quoted "$root");"
        echo "CREATE USER root@'%' IDENTIFIED BY $(quoted "$root");"
        echo "GRANT ALL ON *.* TO root@'%' WITH GRANT OPTION;"
        database=$(setting DATABASE)
        user=$(setting USER)
        [ -z "$database" ] || echo "CREATE DATABASE IF NOT EXISTS \`$database\`;"
        [ -z "$user" ] || echo "CREATE USER $(quoted "$user")@'%' IDENTIFIED BY $(quoted "$(setting PASSWORD)");"
        [ -z "$user" ] || [ -z "$database" ] || echo "GRANT ALL ON \`$database\`.* TO $(quoted "$user")@'%';"
    } | mariadbd --datadir="$data" --bootstrap --skip-log-bin 2>/dev/null
    echo "[Note] [Entrypoint]: MariaDB init process done. Ready for start up."
fi
exec "$@" --datadir="$data" --bind-address=0.0.0.0 --skip-name-resolve
