// The AMX instructions that src/op/layers/tile_bf16.h is made of, done by hand where the processor has none: they raise
// SIGILL, and the handler does what Intel's manual says (Software Developer's Manual, volume 2). Slow, but the code
// under test is the code that runs.
#pragma once

#define _GNU_SOURCE // REG_RIP
#include "base/cpu.h"

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <ucontext.h>

enum { AMX_TILES = 8, AMX_ROWS = 16, AMX_BYTES = 64 };

static _Thread_local struct {
    bool configured;
    uint8_t tile[AMX_TILES][AMX_ROWS][AMX_BYTES];
} amx;

// An instruction with a VEX prefix of three bytes, the opcode map 0F 38 and an operand in memory or two registers.
typedef struct amx_code {
    uint8_t opcode, prefix; // prefix: 0 none, 2 F3, 3 F2
    int reg, rm, vvvv;
    bool in_memory;
    char *address;  // of the operand
    int64_t stride; // of a tile: the index register
    int size;
} amx_code;

static inline int64_t amx_register(const ucontext_t *u, int number) {
    static const int of[] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                             REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    return u->uc_mcontext.gregs[of[number]];
}

// An address with an offset behind it, of a register, of two, or of the next instruction.
static inline void amx_memory(const ucontext_t *u, const uint8_t *at, int mod, bool x, bool b, bool tile, amx_code *c) {
    const uint8_t *after = at + c->size;
    int base = c->rm | (b ? 8 : 0);
    int64_t address = 0;
    bool offset4 = mod == 2, has_base = true;
    if (c->rm == 4) {
        const int scale = *after >> 6, index = (*after >> 3 & 7) | (x ? 8 : 0);
        base = (*after & 7) | (b ? 8 : 0);
        if (index != 4) c->stride = amx_register(u, index) << scale;
        if (mod == 0 && (base & 7) == 5) has_base = false, offset4 = true;
        after++;
    } else if (mod == 0 && c->rm == 5) {
        has_base = false, offset4 = true;
        address = (int64_t)(intptr_t)(after + 4);
    }
    if (has_base) address += amx_register(u, base);
    if (offset4) {
        int32_t offset;
        memcpy(&offset, after, sizeof offset);
        address += offset;
        after += 4;
    } else if (mod == 1) {
        address += (int8_t)*after++;
    }
    if (!tile) address += c->stride;
    c->address = (char *)(intptr_t)address;
    c->size = (int)(after - at);
}

static inline bool amx_decode(const ucontext_t *u, amx_code *c) {
    const uint8_t *at = (const uint8_t *)(intptr_t)u->uc_mcontext.gregs[REG_RIP];
    if (at[0] != 0xc4 || (at[1] & 31) != 2) return false;
    *c = (amx_code){.opcode = at[3], .prefix = at[2] & 3, .vvvv = ~(at[2] >> 3) & 15, .size = 5};
    const int mod = at[4] >> 6;
    c->reg = at[4] >> 3 & 7;
    c->rm = at[4] & 7;
    c->in_memory = mod != 3;
    if (c->in_memory) amx_memory(u, at, mod, !(at[1] & 64), !(at[1] & 32), c->opcode == 0x4b, c);
    return true;
}

// Denormal numbers count as zero, coming and going.
static inline float amx_flush(float x) {
    return x > -0x1p-126f && x < 0x1p-126f ? 0 : x;
}

static inline float amx_number(const uint8_t *half) {
    uint8_t wide[4] = {0, 0, half[0], half[1]};
    float x;
    memcpy(&x, wide, sizeof x);
    return amx_flush(x);
}

// TDPBF16PS: the first and the second terms of the pairs are summed apart, then together, then into the tile.
static inline void amx_multiply(int sum, int a, int b) {
    for (int i = 0; i < AMX_ROWS; i++)
        for (int j = 0; j < AMX_ROWS; j++) {
            float part[2] = {0, 0}, *to = (float *)(void *)amx.tile[sum][i] + j;
            for (int k = 0; k < AMX_ROWS; k++)
                for (int half = 0; half < 2; half++) {
                    const double product = (double)amx_number(&amx.tile[a][i][4 * k + 2 * half]) *
                                           (double)amx_number(&amx.tile[b][k][4 * j + 2 * half]);
                    part[half] = amx_flush((float)((double)part[half] + product));
                }
            *to = amx_flush(amx_flush(*to) + amx_flush(part[0] + part[1]));
        }
}

static inline bool amx_run(const amx_code *c) {
    static const uint8_t bytes[16] = {64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0, 64, 0};
    if (c->opcode == 0x49 && c->prefix == 0 && c->in_memory) { // LDTILECFG
        const uint8_t *config = (const uint8_t *)c->address;
        amx.configured = config[0] == 1 && memcmp(config + 16, bytes, sizeof bytes) == 0 && config[48] == AMX_ROWS &&
                         memcmp(config + 48, config + 49, AMX_TILES - 1) == 0;
        memset(amx.tile, 0, sizeof amx.tile);
        return amx.configured; // no other configuration is in use
    }
    if (!amx.configured) return false;
    if (c->opcode == 0x49 && c->prefix == 0) // TILERELEASE
        amx.configured = false;
    else if (c->opcode == 0x49 && c->prefix == 3) // TILEZERO
        memset(amx.tile[c->reg], 0, sizeof amx.tile[0]);
    else if (c->opcode == 0x4b && c->prefix == 3) // TILELOADD
        for (int i = 0; i < AMX_ROWS; i++) memcpy(amx.tile[c->reg][i], c->address + i * c->stride, AMX_BYTES);
    else if (c->opcode == 0x4b && c->prefix == 2) // TILESTORED
        for (int i = 0; i < AMX_ROWS; i++) memcpy(c->address + i * c->stride, amx.tile[c->reg][i], AMX_BYTES);
    else if (c->opcode == 0x5c && c->prefix == 2) // TDPBF16PS
        amx_multiply(c->reg, c->rm, c->vvvv);
    else
        return false;
    return true;
}

static inline void amx_on_illegal(int number, siginfo_t *info, void *context) {
    ucontext_t *u = context;
    amx_code code;
    (void)info;
    if (amx_decode(u, &code) && amx_run(&code))
        u->uc_mcontext.gregs[REG_RIP] += code.size;
    else
        signal(number, SIG_DFL); // and again, to the end
}

// Returns true where the processor does it all by itself.
static inline bool amx_begin(void) {
    if (cv_cpu_amx()) return true;
    struct sigaction action = {.sa_sigaction = amx_on_illegal, .sa_flags = SA_SIGINFO};
    sigaction(SIGILL, &action, NULL);
    return false;
}
