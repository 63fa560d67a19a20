# Runs a program of PostgreSQL as the superuser of the image, over the local socket.
#   sh -c <this> safe-compose DATABASE PROGRAM [ARGUMENT]...
# The password, if the server wants one, stays in the container: it goes from its environment to that of the program.
# `first` is in first.sh.
PGDATABASE=$1
shift
if [ -n "${POSTGRESQL_VOLUME_DIR:-}${BITNAMI_APP_NAME:-}" ]; then
  PGUSER=postgres
  password=$(first POSTGRESQL_POSTGRES_PASSWORD POSTGRES_POSTGRES_PASSWORD)
  case $(first POSTGRESQL_USERNAME POSTGRES_USER) in
    '' | postgres) password=${password:-$(first POSTGRESQL_PASSWORD POSTGRES_PASSWORD)} ;;
  esac
else
  PGUSER=$(first POSTGRES_USER)
  PGUSER=${PGUSER:-postgres}
  password=$(first POSTGRES_PASSWORD)
fi
if [ -n "$password" ]; then PGPASSWORD=$password; export PGPASSWORD; fi
unset PGHOST PGHOSTADDR PGSERVICE PGOPTIONS PGTZ PGDATESTYLE
PGAPPNAME=safe-compose PGCONNECT_TIMEOUT=30 PGCLIENTENCODING=UTF8
export PGDATABASE PGUSER PGAPPNAME PGCONNECT_TIMEOUT PGCLIENTENCODING
exec "$@"
