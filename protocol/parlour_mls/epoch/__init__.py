"""One epoch: its secrets, and the messages that they protect (RFC 9420 sections 6, 8 and 9)."""

from parlour_mls.epoch.epoch import Epoch, Member, Outcome, PastEpoch, QueuedProposal
from parlour_mls.epoch.key_schedule import (
    confirmed_hash,
    derive_epoch,
    epoch_from_joiner,
    external_init_receive,
    interim_hash,
    joiner_secret,
    welcome_key,
)
from parlour_mls.epoch.message_protection import (
    SenderData,
    check_public_message,
    check_signature,
    decrypt_private_message,
    decrypt_sender_data,
    encrypt_private_message,
    frame_public_message,
    padded_length,
    sign,
)
from parlour_mls.epoch.psks import NO_PSKS, Psks
from parlour_mls.epoch.secret_tree import RatchetLimits, SecretTree

__all__ = [
    "NO_PSKS",
    "Epoch",
    "Member",
    "Outcome",
    "PastEpoch",
    "Psks",
    "QueuedProposal",
    "RatchetLimits",
    "SecretTree",
    "SenderData",
    "check_public_message",
    "check_signature",
    "confirmed_hash",
    "decrypt_private_message",
    "decrypt_sender_data",
    "derive_epoch",
    "encrypt_private_message",
    "epoch_from_joiner",
    "external_init_receive",
    "frame_public_message",
    "interim_hash",
    "joiner_secret",
    "padded_length",
    "sign",
    "welcome_key",
]
