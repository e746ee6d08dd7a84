# Run once by the image of PostgreSQL, when it makes its data: a database and an account for each service, so that
# none can read another's.
for service in events registrations notifications; do
  password="PASSWORD_${service^^}"
  psql --no-psqlrc --quiet --set=ON_ERROR_STOP=1 --username postgres --set=service="$service" \
    --set=password="${!password:?}" <<'SQL'
CREATE ROLE :"service" LOGIN PASSWORD :'password';
CREATE DATABASE :"service" OWNER :"service";
REVOKE ALL ON DATABASE :"service" FROM PUBLIC;
SQL
done
