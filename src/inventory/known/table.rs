//! The table of known programs and their data paths.

use super::{IdentityFile, Keeps, KnownProgram};
use crate::settings::QuiesceMode;

const fn program(
    keeps: Keeps,
    names: &'static [&'static str],
    paths: &'static [&'static str],
) -> KnownProgram {
    KnownProgram {
        names,
        owner: None,
        paths,
        variable: None,
        flags: &[],
        keeps,
        volume: false,
        servers: &[],
        files: &[],
        // Only a database is known to write as soon as it starts.
        may_be_empty: !matches!(keeps, Keeps::Records),
        identity: None,
        // With its default settings, Redis and what descends from it write at the stop what was changed since the last snapshot.
        quiesce: if matches!(keeps, Keeps::Cache) { QuiesceMode::Stop } else { QuiesceMode::Pause },
        port: None,
        is_bulky: false,
    }
}

const fn records(names: &'static [&'static str], paths: &'static [&'static str]) -> KnownProgram {
    program(Keeps::Records, names, paths)
}

const fn cache(names: &'static [&'static str], paths: &'static [&'static str]) -> KnownProgram {
    program(Keeps::Cache, names, paths)
}

const fn files(names: &'static [&'static str], paths: &'static [&'static str]) -> KnownProgram {
    program(Keeps::Files, names, paths)
}

const fn state(names: &'static [&'static str], paths: &'static [&'static str]) -> KnownProgram {
    program(Keeps::State, names, paths)
}

impl KnownProgram {
    const fn owner(mut self, owner: &'static str) -> Self {
        self.owner = Some(owner);
        self
    }

    const fn variable(mut self, variable: &'static str) -> Self {
        self.variable = Some(variable);
        self
    }

    const fn flags(mut self, flags: &'static [&'static str]) -> Self {
        self.flags = flags;
        self
    }

    const fn volume(mut self) -> Self {
        self.volume = true;
        self
    }

    const fn servers(mut self, servers: &'static [&'static str]) -> Self {
        self.servers = servers;
        self
    }

    const fn files(mut self, files: &'static [&'static str]) -> Self {
        self.files = files;
        self
    }

    const fn identity(mut self, file: IdentityFile) -> Self {
        self.identity = Some(file);
        self
    }

    const fn may_be_empty(mut self) -> Self {
        self.may_be_empty = true;
        self
    }

    const fn bulky(mut self) -> Self {
        self.is_bulky = true;
        self
    }

    const fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }
}

const POSTGRES_FILES: &[&str] = &["PG_VERSION"];

const MYSQL_FILES: &[&str] = &["ibdata1", "aria_log_control", "mysql"];

/// The order counts where a name is listed twice: the first whose owner fits is taken.
pub(super) static PROGRAMS: &[KnownProgram] = &[
    records(&["qdrant"], &["/qdrant/storage"])
        .variable("QDRANT__STORAGE__STORAGE_PATH")
        .servers(&["./qdrant", "qdrant", "./entrypoint.sh"])
        .port(6333),
    records(&["postgresql", "postgresql-repmgr"], &["/bitnami/postgresql"])
        .owner("bitnami")
        .files(POSTGRES_FILES)
        .identity(IdentityFile::PostgreSql)
        .port(5432),
    records(&["postgres"], &["/var/lib/postgresql/data"])
        .owner("supabase/")
        .variable("PGDATA")
        .servers(&["postgres", "docker-entrypoint.sh"])
        .files(POSTGRES_FILES)
        .identity(IdentityFile::PostgreSql)
        .port(5432),
    records(&["postgis"], &["/var/lib/postgresql"])
        .owner("kartoza/")
        .variable("DATADIR")
        .identity(IdentityFile::PostgreSql)
        .port(5432),
    records(
        &[
            "postgres",
            "postgis",
            "timescaledb",
            "pgvector",
            "pgvecto-rs",
            "vchord-postgres",
            "vchord-suite",
            "pgvectorscale",
        ],
        &["/var/lib/postgresql/data", "/var/lib/postgresql"],
    )
    .variable("PGDATA")
    .flags(&["-D"])
    .volume()
    .servers(&["postgres", "docker-entrypoint.sh"])
    .files(POSTGRES_FILES)
    .identity(IdentityFile::PostgreSql)
    .port(5432),
    records(&["timescaledb-ha"], &["/home/postgres/pgdata/data", "/home/postgres/pgdata"])
        .variable("PGDATA")
        .servers(&["postgres"])
        .files(POSTGRES_FILES)
        .identity(IdentityFile::PostgreSql)
        .port(5432),
    records(&["postgresql"], &["/var/lib/postgresql/data", "/var/lib/pgsql/data"])
        .identity(IdentityFile::PostgreSql)
        .port(5432),
    records(&["mysql"], &["/bitnami/mysql/data", "/bitnami/mysql"])
        .owner("bitnami")
        .identity(IdentityFile::MySql)
        .port(3306),
    records(&["mysql", "mysql-server", "percona", "percona-server"], &["/var/lib/mysql"])
        .flags(&["--datadir"])
        .volume()
        .servers(&["mysqld", "docker-entrypoint.sh"])
        .files(MYSQL_FILES)
        .identity(IdentityFile::MySql)
        .port(3306),
    records(&["mariadb", "mariadb-galera"], &["/bitnami/mariadb"])
        .owner("bitnami")
        .identity(IdentityFile::MariaDb)
        .port(3306),
    records(&["mariadb"], &["/config"]).owner("linuxserver/").identity(IdentityFile::MariaDb).port(3306),
    records(&["mariadb"], &["/var/lib/mysql"])
        .flags(&["--datadir"])
        .volume()
        .servers(&["mysqld", "mariadbd", "docker-entrypoint.sh"])
        .files(MYSQL_FILES)
        .identity(IdentityFile::MariaDb)
        .port(3306),
    records(&["mongodb", "mongodb-sharded"], &["/bitnami/mongodb"]).owner("bitnami").port(27017),
    records(&["mongo", "mongodb-community-server", "mongodb", "percona-server-mongodb"], &["/data/db"])
        .flags(&["--dbpath"])
        .volume()
        .servers(&["mongod", "docker-entrypoint.sh"])
        .files(&["WiredTiger", "WiredTiger.wt", "storage.bson", "mongod.lock"])
        .port(27017),
    // With PostgreSQL behind it, which is the usual way, there are no records in it.
    state(&["ferretdb"], &["/state"]).port(27017),
    cache(&["redis", "redis-cluster"], &["/bitnami/redis/data", "/bitnami/redis"])
        .owner("bitnami")
        .port(6379),
    cache(&["valkey"], &["/bitnami/valkey/data", "/bitnami/valkey"]).owner("bitnami").port(6379),
    cache(&["redis", "redis-stack", "redis-stack-server", "redismod"], &["/data"])
        .flags(&["--dir"])
        .volume()
        .servers(&["redis-server", "docker-entrypoint.sh", "redis-stack-server"])
        .port(6379),
    cache(&["valkey", "valkey-bundle"], &["/data"])
        .flags(&["--dir"])
        .volume()
        .servers(&["valkey-server", "redis-server", "docker-entrypoint.sh"])
        .port(6379),
    cache(&["keydb"], &["/data"]).flags(&["--dir"]).volume().servers(&["keydb-server"]).port(6379),
    cache(&["dragonfly"], &["/data"]).flags(&["--dir"]).volume().servers(&["dragonfly"]).port(6379),
    // It keeps everything in memory.
    cache(&["memcached"], &[]).servers(&["memcached", "docker-entrypoint.sh"]).port(11211),
    records(&["elasticsearch"], &["/bitnami/elasticsearch/data"]).owner("bitnami").port(9200),
    records(&["elasticsearch"], &["/usr/share/elasticsearch/data"])
        .variable("path.data")
        .servers(&["eswrapper", "elasticsearch", "bin/elasticsearch"])
        .port(9200),
    records(&["opensearch"], &["/usr/share/opensearch/data"])
        .variable("path.data")
        .servers(&["opensearch", "./opensearch-docker-entrypoint.sh"])
        .port(9200),
    // The second is that of version 7 and before.
    records(&["solr"], &["/var/solr", "/opt/solr/server/solr"])
        .volume()
        .servers(&["solr", "solr-precreate", "solr-foreground", "solr-create", "solr-demo"])
        .port(8983),
    records(&["clickhouse"], &["/bitnami/clickhouse"]).owner("bitnami").port(8123),
    records(&["clickhouse-server", "clickhouse"], &["/var/lib/clickhouse"])
        .volume()
        .servers(&["clickhouse-server", "/entrypoint.sh"])
        .port(8123),
    records(&["influxdb3-core", "influxdb3-enterprise"], &["/var/lib/influxdb3"])
        .flags(&["--data-dir"])
        .servers(&["influxdb3", "serve"])
        .port(8181),
    records(&["influxdb"], &["/var/lib/influxdb2", "/var/lib/influxdb", "/var/lib/influxdb3"])
        .variable("INFLUXD_BOLT_PATH")
        .flags(&["--data-dir"])
        .volume()
        .servers(&["influxd", "influxdb3", "serve"])
        .port(8086),
    state(&["rabbitmq"], &["/bitnami/rabbitmq/mnesia", "/bitnami/rabbitmq"]).owner("bitnami").port(5672),
    state(&["rabbitmq"], &["/var/lib/rabbitmq/mnesia", "/var/lib/rabbitmq"])
        .variable("RABBITMQ_MNESIA_BASE")
        .servers(&["rabbitmq-server"])
        .port(5672),
    records(&["minio"], &["/bitnami/minio/data"]).owner("bitnami").bulky().port(9000),
    records(&["minio"], &["/data"])
        .bulky()
        .variable("MINIO_VOLUMES")
        .servers(&["server", "minio"])
        .port(9000),
    records(&["rustfs"], &["/data"]).bulky().variable("RUSTFS_VOLUMES").port(9000),
    records(&["garage"], &["/var/lib/garage"]).bulky().port(3900),
    records(&["seaweedfs"], &["/data"])
        .bulky()
        .flags(&["-dir"])
        .servers(&["server", "master", "volume", "filer"]),
    records(&["neo4j"], &["/bitnami/neo4j"]).owner("bitnami").port(7474),
    records(&["neo4j"], &["/data"]).volume().servers(&["neo4j"]).port(7474),
    records(&["memgraph", "memgraph-platform", "memgraph-mage"], &["/var/lib/memgraph"])
        .flags(&["--data-directory"])
        .volume()
        .port(7687),
    records(&["weaviate"], &["/var/lib/weaviate"]).variable("PERSISTENCE_DATA_PATH").port(8080),
    // The database is in the second, what else it writes in the first. The third is that of version 0.27 and before.
    records(&["meilisearch"], &["/meili_data", "/meili_data/data.ms", "/data.ms"])
        .variable("MEILI_DB_PATH")
        .flags(&["--db-path"])
        .servers(&["/bin/meilisearch", "meilisearch"])
        .port(7700),
    records(&["typesense"], &["/data"]).variable("TYPESENSE_DATA_DIR").flags(&["--data-dir"]).port(8108),
    records(&["manticore"], &["/var/lib/manticore"]).volume().port(9308),
    records(&["zincsearch", "zinc"], &["/data"]).variable("ZINC_DATA_PATH").port(4080),
    records(&["milvus"], &["/var/lib/milvus"]).servers(&["milvus"]).port(19530),
    records(&["chroma"], &["/data", "/chroma/chroma"])
        .may_be_empty()
        .variable("PERSIST_DIRECTORY")
        .flags(&["--path"])
        .servers(&["run", "chroma", "uvicorn"])
        .port(8000),
    records(&["vespa"], &["/opt/vespa/var"]).port(8080),
    records(&["couchdb"], &["/bitnami/couchdb"]).owner("bitnami").port(5984),
    // The second is that of version 1.
    records(&["couchdb"], &["/opt/couchdb/data", "/usr/local/var/lib/couchdb"])
        .volume()
        .servers(&["/opt/couchdb/bin/couchdb"])
        .port(5984),
    records(&["couchbase", "couchbase-server"], &["/opt/couchbase/var"]).volume().port(8091),
    records(&["cassandra"], &["/bitnami/cassandra"]).owner("bitnami").port(9042),
    records(&["cassandra"], &["/var/lib/cassandra"]).volume().servers(&["cassandra"]).port(9042),
    records(&["scylla"], &["/var/lib/scylla"]).volume().port(9042),
    records(&["cockroach"], &["/cockroach/cockroach-data"])
        .flags(&["--store"])
        .servers(&["start", "start-single-node", "cockroach"])
        .port(26257),
    records(&["yugabyte"], &["/home/yugabyte/yb_data", "/root/var", "/mnt/master", "/mnt/tserver"])
        .flags(&["--base_dir", "--fs_data_dirs"])
        .port(5433),
    records(&["arangodb"], &["/var/lib/arangodb3"]).volume().servers(&["arangod"]).port(8529),
    records(&["surrealdb"], &["/data"]).may_be_empty().servers(&["start"]).port(8000),
    records(&["rethinkdb"], &["/data"]).volume().servers(&["rethinkdb"]).port(28015),
    records(&["orientdb"], &["/orientdb/databases"]).volume().port(2424),
    records(&["questdb"], &["/var/lib/questdb", "/root/.questdb"]).port(9000),
    records(&["cratedb", "crate"], &["/data"]).volume().port(4200),
    records(&["firebird"], &["/var/lib/firebird/data", "/firebird/data"]).port(3050),
    records(&["dgraph"], &["/dgraph"]).servers(&["dgraph"]).port(8080),
    records(&["immudb"], &["/var/lib/immudb"]).port(3322),
    records(&["eventstore", "kurrentdb"], &["/var/lib/eventstore", "/var/lib/kurrentdb"]).port(2113),
    files(&["pocketbase"], &["/pb/pb_data", "/pb_data"]).port(8090),
    records(&["server"], &["/var/opt/mssql/data", "/var/opt/mssql"]).owner("mssql").port(1433),
    records(&["azure-sql-edge"], &["/var/opt/mssql/data", "/var/opt/mssql"]).port(1433),
    records(&["mssql"], &["/var/opt/mssql/data", "/var/opt/mssql"]).port(1433),
    records(&["oracle-xe", "oracle-free"], &["/opt/oracle/oradata"]).port(1521),
    records(&["free", "express", "enterprise"], &["/opt/oracle/oradata"]).owner("database/").port(1521),
    records(&["db2"], &["/database"]).port(50000),
    records(&["etcd"], &["/bitnami/etcd/data", "/bitnami/etcd"]).owner("bitnami").port(2379),
    // The default is `default.etcd` in the working directory: `/var/lib/etcd`, or `/` in older images. The last is that
    // of etcd's documentation, which sets it.
    records(&["etcd"], &["/var/lib/etcd/default.etcd", "/default.etcd", "/etcd-data"])
        .variable("ETCD_DATA_DIR")
        .flags(&["--data-dir", "-data-dir"])
        .servers(&["etcd", "/usr/local/bin/etcd"])
        .port(2379),
    records(&["consul"], &["/bitnami/consul"]).owner("bitnami").port(8500),
    records(&["consul"], &["/consul/data"])
        .may_be_empty()
        .flags(&["-data-dir"])
        .volume()
        .servers(&["agent", "consul"])
        .port(8500),
    records(&["vault", "openbao"], &["/vault/file", "/vault/data", "/vault/raft", "/openbao/file"])
        .may_be_empty()
        .volume()
        .servers(&["server", "vault", "bao"])
        .port(8200),
    state(&["zookeeper"], &["/bitnami/zookeeper"]).owner("bitnami").port(2181),
    state(&["zookeeper"], &["/data"]).variable("ZOO_DATA_DIR").volume().servers(&["zkServer.sh"]).port(2181),
    state(&["cp-zookeeper"], &["/var/lib/zookeeper/data", "/var/lib/zookeeper"]).volume().port(2181),
    state(&["kafka"], &["/bitnami/kafka"]).owner("bitnami").port(9092),
    state(&["kafka"], &["/var/lib/kafka/data", "/tmp/kraft-combined-logs"])
        .owner("apache/")
        .variable("KAFKA_LOG_DIRS")
        .port(9092),
    state(&["kafka"], &["/kafka"]).owner("wurstmeister/").variable("KAFKA_LOG_DIRS").volume().port(9092),
    state(&["cp-kafka", "cp-server"], &["/var/lib/kafka/data"])
        .variable("KAFKA_LOG_DIRS")
        .volume()
        .port(9092),
    state(&["redpanda"], &["/var/lib/redpanda/data"]).servers(&["redpanda"]).port(9092),
    state(&["nats"], &["/data", "/tmp/nats/jetstream"])
        .flags(&["-sd", "--store_dir", "-store_dir"])
        .servers(&["nats-server"])
        .port(4222),
    state(&["pulsar", "pulsar-all"], &["/pulsar/data"]).servers(&["bin/pulsar"]).port(6650),
    state(&["eclipse-mosquitto", "mosquitto"], &["/mosquitto/data"]).volume().port(1883),
    state(&["emqx"], &["/opt/emqx/data"]).volume().port(1883),
    state(
        &["activemq-classic", "activemq-artemis", "activemq"],
        &["/opt/apache-activemq/data", "/var/lib/artemis-instance"],
    ),
    records(&["gitea"], &["/var/lib/gitea", "/data"]).bulky().volume(),
    records(&["forgejo"], &["/data", "/var/lib/gitea"]).bulky().volume(),
    records(&["gitlab-ce", "gitlab-ee"], &["/var/opt/gitlab"]).bulky().volume(),
    records(&["gogs"], &["/data"]).bulky().volume(),
    files(&["nextcloud"], &["/config", "/data"]).owner("linuxserver/"),
    files(&["nextcloud"], &["/var/www/html", "/var/www/html/data"]),
    files(&["owncloud", "server"], &["/mnt/data"]).owner("owncloud"),
    records(&["vaultwarden", "server"], &["/data"]).owner("vaultwarden").variable("DATA_FOLDER"),
    files(&["immich-server"], &["/data", "/usr/src/app/upload"]).variable("IMMICH_MEDIA_LOCATION"),
    files(&["paperless-ngx"], &["/usr/src/paperless/media", "/usr/src/paperless/data"])
        .variable("PAPERLESS_MEDIA_ROOT"),
    files(&["photoprism"], &["/photoprism/storage", "/photoprism/originals"]),
    files(&["ghost"], &["/var/lib/ghost/content"]).volume(),
    files(&["wordpress"], &["/var/www/html", "/var/www/html/wp-content"]),
    files(&["bookstack"], &["/config"]).owner("linuxserver/"),
    files(&["n8n"], &["/home/node/.n8n"]).variable("N8N_USER_FOLDER"),
    files(&["home-assistant", "homeassistant"], &["/config"]),
    files(&["mattermost-team-edition", "mattermost-enterprise-edition"], &["/mattermost/data"]),
    records(&["uptime-kuma"], &["/app/data"]),
    files(&["open-webui"], &["/app/backend/data"]).variable("DATA_DIR"),
    files(&["nocodb"], &["/usr/app/data"]),
    files(&["metabase"], &["/metabase-data", "/metabase.db"]),
    files(&["jellyfin"], &["/config"]),
    files(&["registry"], &["/var/lib/registry"])
        .variable("REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY")
        .volume(),
    files(&["nexus3"], &["/nexus-data"]).volume(),
    files(&["jenkins"], &["/var/jenkins_home"]).volume(),
    files(&["sonarqube"], &["/opt/sonarqube/data"]),
    state(&["grafana", "grafana-oss", "grafana-enterprise"], &["/var/lib/grafana"]).variable("GF_PATHS_DATA"),
    state(&["prometheus"], &["/prometheus"]).flags(&["--storage.tsdb.path"]).volume(),
    state(&["victoria-metrics"], &["/victoria-metrics-data"])
        .flags(&["-storageDataPath", "--storageDataPath"]),
    state(&["victoria-logs"], &["/victoria-logs-data"]).flags(&["-storageDataPath", "--storageDataPath"]),
    state(&["loki"], &["/loki", "/tmp/loki"]),
    state(&["tempo"], &["/var/tempo", "/tmp/tempo"]),
    state(&["graphite-statsd"], &["/opt/graphite/storage"]),
    state(&["portainer-ce", "portainer-ee", "portainer"], &["/data"]),
    state(&["nginx-proxy-manager"], &["/data"]),
    state(&["pihole"], &["/etc/pihole"]),
    state(&["adguardhome"], &["/opt/adguardhome/work"]),
    state(&["node-red"], &["/data"]).volume(),
    state(&["zigbee2mqtt"], &["/app/data"]),
    state(&["syncthing"], &["/var/syncthing", "/config"]),
    state(&["ollama"], &["/root/.ollama"]).variable("OLLAMA_MODELS"),
];
