// Counts the instructions of a net that `convo export -o NET.c` wrote on an emulated board, with qemu -icount shift=0:
// SysTick counts the board's clock, which stands for a fixed number of instructions. Writes count.txt. See
// bench/device.sh.
#include SOURCE

#define JOIN_(a, b) a##b
#define JOIN(a, b)  JOIN_(a, b)

int board_open(const char *name, int write);
void board_write(int file, const void *from, unsigned size);

static JOIN(NET, _state) state;
static int16_t clip[SAMPLES];
static float probability[CLASSES];

static volatile uint32_t *const systick = (volatile uint32_t *)0xe000e010; // control, reload, current

static void say(int file, uint32_t number) {
    char text[12];
    int at = sizeof text;
    text[--at] = '\n';
    do text[--at] = (char)('0' + number % 10);
    while (number /= 10);
    board_write(file, text + at, (unsigned)(sizeof text - (unsigned)at));
}

int main(void) {
    const int file = board_open("count.txt", 1);
    uint32_t noise = 1, before;
    for (int32_t i = 0; i < SAMPLES; i++) {
        noise = noise * 1664525u + 1013904223u;
        clip[i] = (int16_t)((int32_t)(noise >> 16) % 8000 - 4000 + i % 80 * 50);
    }
    systick[1] = 0xffffff;
    systick[2] = 0;
    systick[0] = 5;
    before = systick[2];
    JOIN(NET, _predict)(&state, clip, SAMPLES, probability);
    say(file, ((before - systick[2]) & 0xffffff) * INSTRUCTIONS);
    before = systick[2];
    FRONT;
    say(file, ((before - systick[2]) & 0xffffff) * INSTRUCTIONS);
    return 0;
}
