# Runs a program of MySQL or MariaDB as the administrator of the image, over the local socket.
#   sh -c <this> safe-compose client|dump [ARGUMENT]...
# The password stays in the container: it goes from its environment to that of the program.
# `first` is in first.sh.
case $1 in
  dump) programs='mariadb-dump mysqldump' ;;
  *) programs='mariadb mysql' ;;
esac
shift
user=$(first MARIADB_ROOT_USER MYSQL_ROOT_USER)
MYSQL_PWD=$(first MARIADB_ROOT_PASSWORD MYSQL_ROOT_PASSWORD)
export MYSQL_PWD
unset MYSQL_HOST
for program in $programs; do
  if command -v "$program" >/dev/null 2>&1; then
    exec "$program" --user="${user:-root}" --protocol=socket --default-character-set=utf8mb4 "$@"
  fi
done
echo "error: not found: $programs" >&2
exit 127
