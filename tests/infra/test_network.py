"""The monitors' network: a way out, no way in, and no NAT gateway unless somebody asks for one."""

from typing import Any

import pytest

from infra.local import template as templates
from infra.local.template import REPOSITORY, of_type


@pytest.fixture(scope="module")
def network() -> dict[str, Any]:
    return templates.parse((REPOSITORY / "infra" / "network.yaml").read_text(encoding="utf-8"))


def test_nothing_can_connect_to_a_task(network: dict[str, Any]) -> None:
    (group,) = of_type(network, "AWS::EC2::SecurityGroup").values()

    assert "SecurityGroupIngress" not in group
    assert [(rule["FromPort"], rule["ToPort"], rule["IpProtocol"]) for rule in group["SecurityGroupEgress"]] == [
        (443, 443, "tcp")
    ]


def test_what_is_paid_by_the_hour_is_only_there_in_private_mode(network: dict[str, Any]) -> None:
    for name, resource in network["Resources"].items():
        if resource["Type"] in ("AWS::EC2::NatGateway", "AWS::EC2::EIP"):
            assert resource["Condition"] == "NatIsMade", name


def test_in_private_mode_the_end_of_one_zone_is_not_the_end_of_the_other(network: dict[str, Any]) -> None:
    gateways = of_type(network, "AWS::EC2::NatGateway").values()

    assert sorted(gateway["SubnetId"]["Ref"] for gateway in gateways) == ["SubnetA", "SubnetB"]


def test_the_record_and_the_images_layers_stay_off_the_internet(network: dict[str, Any]) -> None:
    endpoints = of_type(network, "AWS::EC2::VPCEndpoint").values()

    assert sorted(endpoint["ServiceName"]["Fn::Sub"].rpartition(".")[2] for endpoint in endpoints) == ["dynamodb", "s3"]


def test_an_existing_vpc_gets_a_security_group_and_nothing_else(network: dict[str, Any]) -> None:
    made = {name for name, resource in network["Resources"].items() if "Condition" not in resource}

    assert made == {"SecurityGroup"}


def test_two_zones_can_be_named_for_a_region_whose_first_lack_something(network: dict[str, Any]) -> None:
    zones = [subnet["AvailabilityZone"]["Fn::If"] for subnet in of_type(network, "AWS::EC2::Subnet").values()]

    assert sorted(named["Fn::Select"][0] for _, named, _ in zones) == [0, 0, 1, 1]
    assert all(named["Fn::Select"][0] == first["Fn::Select"][0] for _, named, first in zones)
    assert {condition for condition, _, _ in zones} == {"ZonesAreNamed"}


def test_what_the_console_lists_by_name_has_the_stacks_and_says_which_it_is(network: dict[str, Any]) -> None:
    kinds = ("VPC", "InternetGateway", "Subnet", "RouteTable", "EIP", "NatGateway", "SecurityGroup")
    for kind in kinds:
        names = [tag["Value"] for made in of_type(network, f"AWS::EC2::{kind}").values() for tag in made["Tags"]]
        assert len({str(name) for name in names}) == len(of_type(network, f"AWS::EC2::{kind}")), kind
        assert all("AWS::StackName" in str(name) for name in names), kind
