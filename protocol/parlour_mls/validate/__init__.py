"""Validation: the rules of RFC 9420, and the policy of the application."""

from parlour_mls.validate.leaf_rules import (
    LeafRules,
    UnusableLeafKeyError,
    check_all_support,
    check_contents,
    check_credential_types,
    check_group_extensions,
    check_key_package,
    check_leaf,
    check_lifetime,
    check_member_leaf,
    check_replacement,
    required_of,
)
from parlour_mls.validate.message_rules import check_epoch, check_group, signature_key
from parlour_mls.validate.policy import STRICT, Change, Policy
from parlour_mls.validate.proposal_rules import (
    check_external,
    check_path,
    check_path_keys,
    check_path_signature_key,
    check_psk_id,
    check_regular,
    check_reinit_version,
    path_required,
)
from parlour_mls.validate.tree_rules import (
    check_tree,
    check_unique_encryption_keys,
    check_unique_signature_keys,
)
from parlour_mls.validate.unusable_keys import unusable_leaves

__all__ = [
    "STRICT",
    "Change",
    "LeafRules",
    "Policy",
    "UnusableLeafKeyError",
    "check_all_support",
    "check_contents",
    "check_credential_types",
    "check_epoch",
    "check_external",
    "check_group",
    "check_group_extensions",
    "check_key_package",
    "check_leaf",
    "check_lifetime",
    "check_member_leaf",
    "check_path",
    "check_path_keys",
    "check_path_signature_key",
    "check_psk_id",
    "check_regular",
    "check_reinit_version",
    "check_replacement",
    "check_tree",
    "check_unique_encryption_keys",
    "check_unique_signature_keys",
    "path_required",
    "required_of",
    "signature_key",
    "unusable_leaves",
]
