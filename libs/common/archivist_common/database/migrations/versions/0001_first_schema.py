"""first schema

Revision ID: 0001
Revises:
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "cablecast_shows",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("cablecast_id", sa.Integer(), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("category", sa.String(length=100), nullable=True),
        sa.Column("producer", sa.String(length=100), nullable=True),
        sa.Column("runtime", sa.Integer(), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("updated_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_cablecast_shows")),
        sa.UniqueConstraint("cablecast_id", name=op.f("uq_cablecast_shows_cablecast_id")),
    )
    op.create_index("idx_cablecast_shows_cablecast_id", "cablecast_shows", ["cablecast_id"], unique=False)
    op.create_index("idx_cablecast_shows_title", "cablecast_shows", ["title"], unique=False)
    op.create_table(
        "users",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("username", sa.String(length=80), nullable=False),
        sa.Column("email", sa.String(length=120), nullable=False),
        sa.Column("password_hash", sa.String(length=255), nullable=False),
        sa.Column("role", sa.String(length=20), server_default="user", nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("one_time_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_login", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("role IN ('admin', 'operator', 'user')", name=op.f("check_role")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_users")),
        sa.UniqueConstraint("email", name=op.f("uq_users_email")),
        sa.UniqueConstraint("username", name=op.f("uq_users_username")),
    )
    op.create_table(
        "workers",
        sa.Column("id", sa.String(length=100), nullable=False),
        sa.Column("host", sa.String(length=255), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("free_slots", sa.Integer(), nullable=False),
        sa.Column("ready", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("details", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("started_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("heartbeat_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workers")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("prefix", sa.String(length=32), nullable=False),
        sa.Column("key_hash", sa.String(length=255), nullable=False),
        sa.Column("name", sa.String(length=100), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("permissions", postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_used", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_api_keys_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("key_hash", name=op.f("uq_api_keys_key_hash")),
        sa.UniqueConstraint("prefix", name=op.f("uq_api_keys_prefix")),
    )
    op.create_index(op.f("idx_api_keys_active"), "api_keys", ["active"], unique=False)
    op.create_index(op.f("idx_api_keys_user_id"), "api_keys", ["user_id"], unique=False)
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("refresh_sha256", sa.String(length=64), nullable=False),
        sa.Column("previous_sha256", sa.String(length=64), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_date", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("refresh_sha256", name=op.f("uq_sessions_refresh_sha256")),
    )
    op.create_index(op.f("idx_sessions_previous_sha256"), "sessions", ["previous_sha256"], unique=False)
    op.create_index(op.f("idx_sessions_user_id"), "sessions", ["user_id"], unique=False)
    op.create_table(
        "transcriptions",
        sa.Column("id", sa.Uuid(), server_default=sa.text("gen_random_uuid()"), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("storage", sa.String(length=64), nullable=False),
        sa.Column("filename", sa.String(length=255), nullable=False),
        sa.Column("file_path", sa.String(length=500), nullable=False),
        sa.Column("file_size", sa.BigInteger(), nullable=True),
        sa.Column("file_mtime_ns", sa.BigInteger(), nullable=True),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.Column("audio_ms", sa.BigInteger(), nullable=True),
        sa.Column("audio_done_ms", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("status", sa.String(length=20), server_default="pending", nullable=False),
        sa.Column("stage", sa.String(length=20), nullable=True),
        sa.Column("progress", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("language", sa.String(length=10), server_default="en", nullable=False),
        sa.Column("model", sa.String(length=50), server_default="large-v2", nullable=False),
        sa.Column("output_format", sa.String(length=10), server_default="scc", nullable=False),
        sa.Column("include_summary", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("audio_track", sa.Integer(), nullable=True),
        sa.Column("priority", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("available_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("started_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("completed_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("attempt", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("crash_count", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("lease_owner", sa.String(length=100), nullable=True),
        sa.Column("lease_expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("progress_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("cancel_requested_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("dedupe_key", sa.String(length=64), nullable=False),
        sa.Column("scc_file_path", sa.String(length=500), nullable=True),
        sa.Column("summary_file_path", sa.String(length=500), nullable=True),
        sa.Column("metadata_file_path", sa.String(length=500), nullable=True),
        sa.Column("summary", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column(
            "warnings",
            postgresql.JSONB(astext_type=sa.Text()),
            server_default=sa.text("'[]'"),
            nullable=False,
        ),
        sa.Column("error_code", sa.String(length=50), nullable=True),
        sa.Column("error_message", sa.Text(), nullable=True),
        sa.Column("processing_time", sa.Integer(), nullable=True),
        sa.Column("vod_id", sa.String(length=100), nullable=True),
        sa.Column("vod_url", sa.String(length=500), nullable=True),
        sa.Column("vod_status", sa.String(length=20), nullable=True),
        sa.CheckConstraint(
            "(status = 'processing') = (lease_owner IS NOT NULL AND lease_expires_at IS NOT NULL)",
            name=op.f("check_lease_while_processing"),
        ),
        sa.CheckConstraint(
            "status IN ('pending', 'processing', 'completed', 'failed', 'cancelled')",
            name=op.f("check_status"),
        ),
        sa.CheckConstraint("priority >= 1 AND priority <= 5", name=op.f("check_priority")),
        sa.CheckConstraint("progress >= 0 AND progress <= 100", name=op.f("check_progress")),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_transcriptions_user_id"), ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcriptions")),
    )
    op.create_index(
        "idx_transcriptions_claim",
        "transcriptions",
        [sa.literal_column("priority DESC"), "created_date", "id"],
        unique=False,
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.create_index("idx_transcriptions_created_date", "transcriptions", ["created_date"], unique=False)
    op.create_index(
        "idx_transcriptions_lease",
        "transcriptions",
        ["lease_expires_at"],
        unique=False,
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.create_index("idx_transcriptions_status", "transcriptions", ["status"], unique=False)
    op.create_index("idx_transcriptions_user_id", "transcriptions", ["user_id"], unique=False)
    op.create_index("idx_transcriptions_vod_status", "transcriptions", ["vod_status"], unique=False)
    op.create_index(
        "uq_transcriptions_live_dedupe_key",
        "transcriptions",
        ["dedupe_key"],
        unique=True,
        postgresql_where=sa.text("status IN ('pending', 'processing')"),
    )
    op.create_table(
        "artifacts",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("public_path", sa.Text(), nullable=False),
        sa.Column("public_state", sa.String(length=10), server_default="pending", nullable=False),
        sa.Column("public_error", sa.Text(), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("public_state IN ('pending', 'placed', 'blocked')", name=op.f("check_public_state")),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_artifacts_transcription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_artifacts")),
        sa.UniqueConstraint("transcription_id", "kind", name=op.f("uq_artifacts_transcription_id_kind")),
    )
    op.create_index("idx_artifacts_public_path", "artifacts", ["public_path"], unique=False)
    op.create_index(
        "idx_artifacts_unplaced",
        "artifacts",
        ["transcription_id"],
        unique=False,
        postgresql_where=sa.text("public_state = 'pending'"),
    )
    op.create_table(
        "idempotency_keys",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("request_sha256", sa.String(length=64), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_idempotency_keys_transcription_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["user_id"], ["users.id"], name=op.f("fk_idempotency_keys_user_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_idempotency_keys")),
    )
    op.create_index(op.f("idx_idempotency_keys_created_date"), "idempotency_keys", ["created_date"], unique=False)
    op.create_table(
        "outbox",
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("event", sa.String(length=60), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("relayed_date", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_outbox_transcription_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outbox")),
    )
    op.create_index("idx_outbox_transcription_id", "outbox", ["transcription_id", "id"], unique=False)
    op.create_index(
        "idx_outbox_unsent", "outbox", ["id"], unique=False, postgresql_where=sa.text("relayed_date IS NULL")
    )
    op.create_table(
        "system_logs",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("level", sa.String(length=20), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("component", sa.String(length=50), nullable=True),
        sa.Column("user_id", sa.Integer(), nullable=True),
        sa.Column("transcription_id", sa.Uuid(), nullable=True),
        sa.Column("metadata", postgresql.JSONB(astext_type=sa.Text()), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_system_logs_transcription_id"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_system_logs_user_id"), ondelete="SET NULL"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_system_logs")),
    )
    op.create_index("idx_system_logs_component", "system_logs", ["component"], unique=False)
    op.create_index("idx_system_logs_created_date", "system_logs", ["created_date"], unique=False)
    op.create_index("idx_system_logs_level", "system_logs", ["level"], unique=False)
    op.create_index("idx_system_logs_transcription_id", "system_logs", ["transcription_id"], unique=False)
    op.create_table(
        "vod_content",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("transcription_id", sa.Uuid(), nullable=True),
        sa.Column("cablecast_show_id", sa.Integer(), nullable=True),
        sa.Column("vod_id", sa.String(length=100), nullable=False),
        sa.Column("title", sa.String(length=255), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("url", sa.String(length=500), nullable=True),
        sa.Column("thumbnail_url", sa.String(length=500), nullable=True),
        sa.Column("duration", sa.Integer(), nullable=True),
        sa.Column("quality", sa.Integer(), nullable=True),
        sa.Column("status", sa.String(length=20), server_default="processing", nullable=False),
        sa.Column("published_date", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_date", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "status IN ('processing', 'published', 'failed', 'removed')", name=op.f("check_vod_status")
        ),
        sa.ForeignKeyConstraint(
            ["cablecast_show_id"],
            ["cablecast_shows.id"],
            name=op.f("fk_vod_content_cablecast_show_id"),
            ondelete="SET NULL",
        ),
        sa.ForeignKeyConstraint(
            ["transcription_id"],
            ["transcriptions.id"],
            name=op.f("fk_vod_content_transcription_id"),
            ondelete="SET NULL",
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_vod_content")),
        sa.UniqueConstraint("vod_id", name=op.f("uq_vod_content_vod_id")),
    )
    op.create_index("idx_vod_content_status", "vod_content", ["status"], unique=False)
    op.create_index("idx_vod_content_transcription_id", "vod_content", ["transcription_id"], unique=False)


def downgrade() -> None:
    op.drop_index("idx_vod_content_transcription_id", table_name="vod_content")
    op.drop_index("idx_vod_content_status", table_name="vod_content")
    op.drop_table("vod_content")
    op.drop_index("idx_system_logs_transcription_id", table_name="system_logs")
    op.drop_index("idx_system_logs_level", table_name="system_logs")
    op.drop_index("idx_system_logs_created_date", table_name="system_logs")
    op.drop_index("idx_system_logs_component", table_name="system_logs")
    op.drop_table("system_logs")
    op.drop_index("idx_outbox_unsent", table_name="outbox", postgresql_where=sa.text("relayed_date IS NULL"))
    op.drop_index("idx_outbox_transcription_id", table_name="outbox")
    op.drop_table("outbox")
    op.drop_index(op.f("idx_idempotency_keys_created_date"), table_name="idempotency_keys")
    op.drop_table("idempotency_keys")
    op.drop_index(
        "idx_artifacts_unplaced", table_name="artifacts", postgresql_where=sa.text("public_state = 'pending'")
    )
    op.drop_index("idx_artifacts_public_path", table_name="artifacts")
    op.drop_table("artifacts")
    op.drop_index(
        "uq_transcriptions_live_dedupe_key",
        table_name="transcriptions",
        postgresql_where=sa.text("status IN ('pending', 'processing')"),
    )
    op.drop_index("idx_transcriptions_vod_status", table_name="transcriptions")
    op.drop_index("idx_transcriptions_user_id", table_name="transcriptions")
    op.drop_index("idx_transcriptions_status", table_name="transcriptions")
    op.drop_index(
        "idx_transcriptions_lease",
        table_name="transcriptions",
        postgresql_where=sa.text("status = 'processing'"),
    )
    op.drop_index("idx_transcriptions_created_date", table_name="transcriptions")
    op.drop_index(
        "idx_transcriptions_claim",
        table_name="transcriptions",
        postgresql_where=sa.text("status = 'pending'"),
    )
    op.drop_table("transcriptions")
    op.drop_index(op.f("idx_sessions_user_id"), table_name="sessions")
    op.drop_index(op.f("idx_sessions_previous_sha256"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("idx_api_keys_user_id"), table_name="api_keys")
    op.drop_index(op.f("idx_api_keys_active"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("workers")
    op.drop_table("users")
    op.drop_index("idx_cablecast_shows_title", table_name="cablecast_shows")
    op.drop_index("idx_cablecast_shows_cablecast_id", table_name="cablecast_shows")
    op.drop_table("cablecast_shows")
