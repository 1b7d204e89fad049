#!/bin/bash
# The ZooKeeper ensemble of all masters, its members known from the start.
# roles: master
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh
# shellcheck source=mesos.sh
. /opt/magnum/mesos.sh

server=/usr/share/zookeeper/bin/zkServer.sh
if [ -z "$MAGNUM_ZOOKEEPER_IMAGE" ]; then
    need_command $server zookeeper
fi
stop_foreign_service zookeeper

data=/var/lib/magnum-zookeeper
mkdir -p $data
# ZooKeeper counts its servers from 1.
echo "$((MAGNUM_NODE_INDEX + 1))" >$data/myid
{
    cat <<PROPERTIES
tickTime=2000
initLimit=10
syncLimit=5
dataDir=$data
clientPort=2181
4lw.commands.whitelist=ruok,srvr
admin.enableServer=false
autopurge.purgeInterval=24
PROPERTIES
    number=1
    for address in $MAGNUM_MASTER_ADDRESSES; do
        echo "server.$number=$address:2888:3888"
        number=$((number + 1))
    done
} >/etc/magnum/zoo.cfg

if [ -x $server ]; then
    # By JMX it would listen on one more port, of all interfaces.
    environment=(JMXDISABLE=true)
    libraries=/usr/share/java
    if [ -e $libraries/zookeeper.jar ] && [ -e $libraries/slf4j-simple.jar ]; then
        # The distribution's own class path has nothing that would write a log.
        environment+=("SERVER_JVMFLAGS=-cp $libraries/zookeeper.jar:$libraries/slf4j-simple.jar")
    fi
    write_unit magnum-zookeeper "ZooKeeper of the bay" /usr/bin/env "${environment[@]}" \
        $server start-foreground /etc/magnum/zoo.cfg
else
    write_unit magnum-zookeeper "ZooKeeper of the bay" "$(command -v docker)" \
        run --rm --name magnum-zookeeper --net host --volume $data:$data \
        --volume /etc/magnum/zoo.cfg:/conf/zoo.cfg "$MAGNUM_ZOOKEEPER_IMAGE"
fi
start_service magnum-zookeeper

wait_until 1200 in_quorum
