#!/bin/bash
# containerd and the CNI plugins: from archives that labels name, found in the guest, or
# from its distribution.
# roles: master worker
# attempts: 3
set -euo pipefail
# shellcheck source=../../common/node/lib.sh
. /opt/magnum/lib.sh

# Of an existing network nobody knew the addresses before: a node that is where
# pods or services are would reach neither them nor the other nodes.
pods=${MAGNUM_NETWORK_DRIVER}_ipv4pool
if [ "$MAGNUM_NETWORK_DRIVER" = flannel ]; then
    pods=flannel_network_cidr
fi
place=$(place_of_node)
for range in "$MAGNUM_POD_CIDR" "$MAGNUM_SERVICE_CIDR"; do
    if overlap "$place" "$range"; then
        say "$place, where this node is, overlaps with $range: give others in the labels" \
            "$pods and service_cluster_ip_range"
        exit "$hopeless"
    fi
done

# shellcheck source=downloads.sh
. /opt/magnum/downloads.sh
unpack containerd "$MAGNUM_CONTAINERD" 'containerd[^/]*\|crictl\|ctr\|runc'
containerd=$folder
# It goes before the unit of a package.
unit=/usr/local/lib/systemd/system/containerd.service
rm -f "$unit"
if [ -n "$containerd" ]; then
    need_command runc runc
    install -D -m 0644 /dev/stdin "$unit" <<'UNIT'
[Unit]
After=network.target
[Service]
ExecStart=/usr/local/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitCORE=infinity
LimitNPROC=infinity
TasksMax=infinity
OOMScoreAdjust=-999
[Install]
WantedBy=multi-user.target
UNIT
fi
need_command containerd containerd
need_command iptables iptables
need_command conntrack conntrack
# Other networks bring their plugins.
cni=/opt/cni/bin
if [ "$MAGNUM_NETWORK_DRIVER" = flannel ]; then
    unpack cni-plugins "$MAGNUM_CNI_PLUGINS" ''
    cni=
    for place in /opt/cni/bin /usr/lib/cni "$containerd/opt/cni/bin" "$folder"; do
        if [ -x "$place/bridge" ]; then
            cni=$place
        fi
    done
    if [ -z "$cni" ]; then
        need_command /usr/lib/cni/bridge containernetworking-plugins
        cni=/usr/lib/cni
    fi
fi

# Kernels without modules have them built in.
printf '%s\n' overlay br_netfilter >/etc/modules-load.d/magnum.conf
for module in overlay br_netfilter; do
    modprobe $module || true
done
cat >/etc/sysctl.d/90-magnum.conf <<'SYSCTL'
net.ipv4.ip_forward = 1
net.bridge.bridge-nf-call-iptables = 1
SYSCTL
sysctl --quiet --load=/etc/sysctl.d/90-magnum.conf

systemd_cgroup=false
if [ "$MAGNUM_CGROUP_DRIVER" = systemd ]; then
    systemd_cgroup=true
fi
mkdir -p /etc/containerd/certs.d
# A node that is itself a container may not lower the OOM score.
cat >/etc/containerd/config.toml <<TOML
version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "$MAGNUM_PAUSE_IMAGE"
  restrict_oom_score_adj = true
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "$cni"
    conf_dir = "/etc/cni/net.d"
  [plugins."io.containerd.grpc.v1.cri".registry]
    config_path = "/etc/containerd/certs.d"
  [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc.options]
      SystemdCgroup = $systemd_cgroup
TOML
for registry in $MAGNUM_INSECURE_REGISTRIES; do
    mkdir -p "/etc/containerd/certs.d/$registry"
    cat >"/etc/containerd/certs.d/$registry/hosts.toml" <<TOML
[host."http://$registry"]
  capabilities = ["pull", "resolve"]
[host."https://$registry"]
  capabilities = ["pull", "resolve"]
  skip_verify = true
TOML
done

proxy_drop_in containerd
start_service containerd
